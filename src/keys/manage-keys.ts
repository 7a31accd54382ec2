import { StartError } from '../errors/start-error.js';
import type { JwtAlgorithm } from '../config/jwt-algorithms.js';
import type { JwtSettings } from '../config/jwt-settings.js';
import { type KeyContent, noKeys } from './key-content.js';
import type { KeyStore } from './key-store.js';
import { generateKey } from './stored-key.js';
import { JWKS_MAX_AGE, type TokenKey } from './token-key.js';
import { configuredKey } from './token-keys.js';

/*
 * The commands of `npm run keys`. Each returns the text to print, and throws a StartError if it
 * fails.
 */

export async function listKeys(store: KeyStore, settings: JwtSettings): Promise<string> {
  const own = configuredKeyOf(settings);
  const content = (await store.read()) ?? noKeys();
  const signing = signingId(own, content);
  const rows = [
    ...(own ? [{ id: own.id, algorithm: own.algorithm, from: 'settings' }] : []),
    ...content.keys.map(({ kid, alg, created_at }) => ({
      id: kid,
      algorithm: alg,
      from: `${store.name}, ${created_at}`,
    })),
  ].map(({ id, algorithm, from }) => {
    const state = stateOf(id, signing, content);
    return `${id}  ${algorithm}  ${state} (${from})`;
  });
  return rows.join('\n') || 'There are no keys.';
}

export async function addKey(store: KeyStore, algorithm: JwtAlgorithm): Promise<string> {
  const key = generateKey(algorithm);
  await store.change(({ keys }) => keys.push(key));
  return `${key.kid} verifies from now on; to sign with it, run: npm run keys -- use ${key.kid}`;
}

/** @param options.lifetime the longest configured lifetime of a token, in seconds */
export async function useKey(
  store: KeyStore,
  settings: JwtSettings,
  { id, lifetime }: { id: string; lifetime: number },
): Promise<string> {
  const own = configuredKeyOf(settings);
  let createdAt = 0;
  await store.change((content) => {
    const { keys, replaced, retired } = content;
    requireKey(own, content, id);
    if (retired.includes(id)) throw new StartError(`The key ${id} was retired.`);
    const before = signingId(own, content);
    if (before !== null && before !== id) {
      replaced[before] = new Date(Date.now() + lifetime * 1000).toISOString();
    }
    const stored = keys.find(({ kid }) => kid === id);
    // Null stands for the configured key.
    content.signing = stored ? id : null;
    if (stored && stored.kty !== 'oct') createdAt = Date.parse(stored.created_at);
  });
  const isKnown = createdAt + JWKS_MAX_AGE * 1000 <= Date.now();
  const hint = `; services that use the public keys may not know it for ${JWKS_MAX_AGE / 60} minutes`;
  return `${id} signs from now on; the other keys still verify${isKnown ? '' : hint}.`;
}

export async function retireKey(
  store: KeyStore,
  settings: JwtSettings,
  id: string,
): Promise<string> {
  const own = configuredKeyOf(settings);
  await store.change((content) => {
    requireKey(own, content, id);
    if (signingId(own, content) === id) {
      throw new StartError(`The key ${id} signs; choose another signing key first.`);
    }
    if (own?.id === id && !content.retired.includes(id)) content.retired.push(id);
    content.keys = content.keys.filter(({ kid }) => kid !== id);
    delete content.replaced[id];
  });
  const hint = own?.id === id ? ' Also remove it from the settings.' : '';
  return `${id} is retired: its tokens are refused from now on.${hint}`;
}

/** Creates no secret file, because no service would use that secret. */
function configuredKeyOf(settings: JwtSettings): TokenKey | null {
  return configuredKey(settings, { make: false });
}

function signingId(own: TokenKey | null, { signing, retired }: KeyContent): string | null {
  if (signing !== null) return signing;
  return own && !retired.includes(own.id) ? own.id : null;
}

function requireKey(own: TokenKey | null, { keys }: KeyContent, id: string): void {
  if (own?.id === id || keys.some(({ kid }) => kid === id)) return;
  throw new StartError(`There is no key ${id}; see: npm run keys -- list`);
}

function stateOf(id: string, signing: string | null, { replaced, retired }: KeyContent): string {
  if (retired.includes(id)) return 'is retired';
  if (id === signing) return 'signs';
  const until = replaced[id];
  if (until === undefined) return 'verifies, and has not signed yet';
  return Date.parse(until) > Date.now()
    ? `verifies; the last of its tokens expires by ${until}`
    : `verifies, and can be retired: its tokens have expired by ${until}`;
}
