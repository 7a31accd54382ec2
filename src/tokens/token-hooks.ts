import { applyDecorators, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';
import { isPlainObject } from '../validation/values.js';
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

  async issued(token: Token): Promise<void> {
    for (const hook of this.hooks()) await hook.issued?.(token);
  }

  private hooks(): TokenHooks[] {
    this.found ??= this.discovery.getProviders({ metadataKey: mark.KEY }).map((wrapper) => {
      if (wrapper.isDependencyTreeStatic()) return wrapper.instance as TokenHooks;
      throw new StartError(`${wrapper.name}: a @TokenHook() cannot be request-scoped.`);
    });
    return this.found;
  }
}

/**
 * Adds claims in the form that they will have as JSON: a date becomes a string, and values that
 * JSON cannot represent are left out.
 *
 * @param taken further claims that must not be overwritten
 * @throws Error if a new claim is registered or exists already
 */
export function addOwnClaims(
  claims: Record<string, unknown>,
  more: ClaimsToAdd,
  taken: Readonly<Record<string, unknown>> = {},
): void {
  const given = more ?? {};
  // Refuses objects such as a `Map`, which JSON would turn into an empty object.
  if (Object.getPrototypeOf(given) !== Object.prototype) throw new TypeError(NOT_PLAIN);
  const plain: unknown = JSON.parse(JSON.stringify(given));
  if (!isPlainObject(plain)) throw new TypeError(NOT_PLAIN);
  for (const [name, value] of Object.entries(plain)) {
    if (
      RESERVED_CLAIMS.includes(name) ||
      Object.hasOwn(claims, name) ||
      Object.hasOwn(taken, name)
    ) {
      throw new Error(`The claim "${name}" cannot be overwritten.`);
    }
    claims[name] = value;
  }
}
