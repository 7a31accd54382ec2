import { StartError } from '../errors/start-error.js';
import type { KeyContent } from './key-content.js';
import { openStoredKey } from './stored-key.js';
import type { PublicJwk, TokenKey } from './token-key.js';

/** The keys at one point in time: one signs, all of them verify. */
export class KeyRing {
  readonly signing: TokenKey;
  /** The public keys for other services (RFC 7517, section 5). */
  readonly publicKeys: readonly PublicJwk[];
  private readonly byId = new Map<string, TokenKey>();
  /** All keys, including retired ones whose secret is still configured. */
  private readonly all = new Map<string, TokenKey>();
  /** The configured key; null if there is none, or if it is retired. */
  private readonly configured: TokenKey | null;

  /**
   * @param configured the key from the settings; null if they name none
   * @throws StartError if no key signs, or a stored key is invalid
   */
  constructor(configured: TokenKey | null, { keys, signing, retired }: KeyContent) {
    this.configured = configured && retired.includes(configured.id) ? null : configured;
    for (const key of [configured, ...keys.map(openStoredKey)]) {
      if (!key) continue;
      this.all.set(key.id, key);
      if (!retired.includes(key.id)) this.byId.set(key.id, key);
    }
    const found = signing === null ? this.configured : this.byId.get(signing);
    if (!found) throw new StartError(noSigningKey(signing, this.byId.size > 0));
    this.signing = found;
    this.publicKeys = [...this.byId.values()].flatMap(({ jwk }) => jwk ?? []);
  }

  /**
   * The key of a token by its header `kid`. A token without `kid` comes from a service that shares
   * the configured key.
   */
  find(id: string | undefined): TokenKey | undefined {
    return id === undefined ? (this.configured ?? undefined) : this.byId.get(id);
  }

  /** As `find`, and also a retired key whose secret is still configured: it verifies no token. */
  findForUnsealing(id: string): TokenKey | undefined {
    return this.all.get(id);
  }
}

function noSigningKey(id: string | null, hasKeys: boolean): string {
  const reason = id === null ? 'There is no signing key' : `The signing key ${id} does not exist`;
  const remedy = hasKeys
    ? 'choose one with'
    : 'create one with: npm run keys -- add, and choose it with';
  return `${reason}; ${remedy}: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.`;
}
