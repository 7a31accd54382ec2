import { StartError } from '../errors/start-error.js';
import type { KeyFileContent } from './key-file.js';
import { openStoredKey } from './stored-key.js';
import type { PublicJwk, TokenKey } from './token-key.js';

/** The keys of one moment: one signs, all of them verify. */
export class KeyRing {
  readonly signing: TokenKey;
  /** RFC 7517, section 5; what other services may know. */
  readonly publicKeys: readonly PublicJwk[];
  private readonly byId = new Map<string, TokenKey>();
  /** Those that are retired and still configured included. */
  private readonly configured = new Map<string, TokenKey>();

  /**
   * @param own the key of the settings, if they name one
   * @throws StartError if no key signs, or a key of the file is invalid
   */
  constructor(
    private readonly own: TokenKey | null,
    { keys, signing, retired }: KeyFileContent,
  ) {
    if (own && retired.includes(own.id)) this.own = null;
    for (const key of [own, ...keys.map(openStoredKey)]) {
      if (!key) continue;
      this.configured.set(key.id, key);
      if (!retired.includes(key.id)) this.byId.set(key.id, key);
    }
    const found = signing === null ? this.own : this.byId.get(signing);
    if (!found) throw new StartError(nothingSigns(signing));
    this.signing = found;
    this.publicKeys = [...this.byId.values()].flatMap(({ jwk }) => jwk ?? []);
  }

  /**
   * The key of a token by its header `kid`. A token without one comes from a service that shares the
   * key of the settings.
   */
  find(id: string | undefined): TokenKey | undefined {
    return id === undefined ? (this.own ?? undefined) : this.byId.get(id);
  }

  /** As `find`, and also a retired key whose secret is still configured: it verifies no token. */
  findForUnsealing(id: string): TokenKey | undefined {
    return this.configured.get(id);
  }
}

function nothingSigns(id: string | null): string {
  const reason = id === null ? 'No key signs' : `The key that should sign, ${id}, is not there`;
  return `${reason}; name one by: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.`;
}
