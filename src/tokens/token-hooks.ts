import { applyDecorators, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';
import { isPlainObject } from '../validation/values.js';
import { RESERVED_CLAIMS, type Token } from './token.js';

/**
 * What a provider that is marked with `@TokenHook()` may do about every token that is issued.
 * Where a hook throws, the token is not issued, and what asked for it (a login, say) fails.
 */
export interface TokenHooks {
  /**
   * Gives claims to add to a token before it is signed.
   *
   * @param token as it will be, not signed yet
   * @returns claims that are not there already; the registered ones cannot be overwritten
   */
  addClaims?(token: Token): ClaimsToAdd | Promise<ClaimsToAdd>;

  /**
   * Runs after a token was signed and before it is sent. At a login its session is not stored yet, so
   * that the token is not accepted until then.
   */
  issued?(token: Token): void | Promise<void>;
}

/** `null` and `undefined` add no claims. */
type ClaimsToAdd = Record<string, unknown> | null | undefined;

const NO_CLAIMS = 'Claims are added as a plain object.';

const mark = DiscoveryService.createDecorator();

/** Makes a provider take part in issuing tokens; see `TokenHooks`. */
export const TokenHook = () => applyDecorators(Injectable(), mark());

/** Asks every hook there is, in the order of their modules. */
@Injectable()
export class TokenHookRunner implements OnModuleInit {
  private found: TokenHooks[] | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws StartError where a hook belongs to a request, as tokens may be issued without one */
  onModuleInit(): void {
    this.hooks();
  }

  /**
   * @param draft makes the token as it will be, for each hook one of its own
   * @throws Error where a hook gives a claim that is there already
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
      throw new StartError(`${wrapper.name}: a @TokenHook() cannot belong to a request.`);
    });
    return this.found;
  }
}

/**
 * Adds claims as they will be read: a date as a text, and what JSON knows nothing of not at all.
 *
 * @param taken claims that are there already
 * @throws Error where one of the new claims is registered, or taken
 */
export function addOwnClaims(
  claims: Record<string, unknown>,
  more: ClaimsToAdd,
  taken: Readonly<Record<string, unknown>> = {},
): void {
  const given = more ?? {};
  // Neither a list nor a map, of which nothing would be left.
  if (Object.getPrototypeOf(given) !== Object.prototype) throw new TypeError(NO_CLAIMS);
  const plain: unknown = JSON.parse(JSON.stringify(given));
  if (!isPlainObject(plain)) throw new TypeError(NO_CLAIMS);
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
