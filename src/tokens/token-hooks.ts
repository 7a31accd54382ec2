import { applyDecorators, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { isPlainObject } from '../validation/values.js';
import { markedProviders } from './marked-providers.js';
import { RESERVED_CLAIMS, type Token } from './token.js';

/**
 * The methods of a provider with `@TokenHook()`, which are called for every token that is issued.
 * If a hook throws, the token is not issued, and the operation that needs it, such as a login,
 * fails.
 */
export interface TokenHooks {
  /**
   * Returns claims to add to a token before it is signed.
   *
   * @param token the token, not signed yet
   * @returns new claims; existing and registered claims cannot be overwritten
   */
  addClaims?(token: Token): ClaimsToAdd | Promise<ClaimsToAdd>;

  /**
   * Returns entries to add to the scope of an access token before it is signed, in addition to those
   * of the user's roles.
   *
   * @param token the token, not signed yet
   * @returns new entries; existing ones cannot be overwritten
   */
  addScope?(token: Token): ClaimsToAdd | Promise<ClaimsToAdd>;

  /**
   * Runs after a token was signed and before it is sent. At a login the session is not stored yet,
   * so the token is not accepted yet.
   */
  issued?(token: Token): void | Promise<void>;
}

/** `null` and `undefined` add no claims. */
type ClaimsToAdd = Record<string, unknown> | null | undefined;

const NOT_PLAIN = 'Claims must be a plain object.';

const mark = DiscoveryService.createDecorator();

/** Makes a provider take part in issuing tokens; see `TokenHooks`. */
export const TokenHook = () => applyDecorators(Injectable(), mark());

/** Calls all hooks, in the order of their modules. */
@Injectable()
export class TokenHookRunner implements OnModuleInit {
  private found: TokenHooks[] | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /**
   * @throws StartError if a hook is request-scoped, because code issues tokens outside of requests
   */
  onModuleInit(): void {
    this.hooks();
  }

  /**
   * @param draft creates an unsigned token, a new one for each hook, so that no hook can change it
   * @throws Error if a hook returns a claim that exists already
   */
  async addClaims(draft: () => Token): Promise<Record<string, unknown>> {
    const added: Record<string, unknown> = {};
    for (const hook of this.hooks()) {
      if (!hook.addClaims) continue;
      addOwnClaims(added, await hook.addClaims(draft()), draft().claims);
    }
    return added;
  }

  /**
   * @param draft as for `addClaims`
   * @throws Error if a hook returns an entry that exists already
   */
  async addScope(draft: () => Token): Promise<Record<string, unknown>> {
    const added: Record<string, unknown> = {};
    for (const hook of this.hooks()) {
      if (!hook.addScope) continue;
      addNewEntries('scope entry', added, await hook.addScope(draft()), draft().scope);
    }
    return added;
  }

  async issued(token: Token): Promise<void> {
    for (const hook of this.hooks()) await hook.issued?.(token);
  }

  private hooks(): TokenHooks[] {
    this.found ??= markedProviders<TokenHooks>(this.discovery, mark, 'TokenHook');
    return this.found;
  }
}

/**
 * Adds claims, as `addNewEntries` does.
 *
 * @throws Error if a new claim is registered or exists already
 */
export function addOwnClaims(
  claims: Record<string, unknown>,
  more: ClaimsToAdd,
  taken: Readonly<Record<string, unknown>> = {},
): void {
  addNewEntries('claim', claims, more, taken, RESERVED_CLAIMS);
}

/**
 * Adds entries in the form that they will have as JSON: a date becomes a string, and values that
 * JSON cannot represent are left out.
 *
 * @param what the entries are, for the message
 * @param taken further entries that must not be overwritten
 * @param reserved further names that must not be used
 * @throws Error if a new entry is reserved or exists already
 */
function addNewEntries(
  what: string,
  entries: Record<string, unknown>,
  more: ClaimsToAdd,
  taken: Readonly<Record<string, unknown>>,
  // An assignment to it would change the prototype of an object.
  reserved: readonly string[] = ['__proto__'],
): void {
  const given = more ?? {};
  // Refuses objects such as a `Map`, which JSON would turn into an empty object.
  if (Object.getPrototypeOf(given) !== Object.prototype) throw new TypeError(NOT_PLAIN);
  const plain: unknown = JSON.parse(JSON.stringify(given));
  if (!isPlainObject(plain)) throw new TypeError(NOT_PLAIN);
  for (const [name, value] of Object.entries(plain)) {
    if (reserved.includes(name) || Object.hasOwn(entries, name) || Object.hasOwn(taken, name)) {
      throw new Error(`The ${what} "${name}" cannot be overwritten.`);
    }
    entries[name] = value;
  }
}
