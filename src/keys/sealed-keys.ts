import { hkdfSync, type KeyObject } from 'node:crypto';
import type { SealingSecrets } from '../config/keys/key-store-settings.js';
import { StartError } from '../errors/start-error.js';
import { decryptText, encryptText } from './encrypted-text.js';
import { type KeyContent, parseKeyContent } from './key-content.js';

/** The columns of `token_keys`. */
export interface SealedKeys {
  revision: number;
  sealed: string;
}

/**
 * Seals keys for the database. The revision is authenticated, so that an earlier content cannot be
 * stored with a later revision.
 */
export function sealKeys(
  content: KeyContent,
  revision: number,
  { secret }: SealingSecrets,
): SealedKeys {
  const sealed = encryptText(JSON.stringify(content), sealingKey(secret), contextOf(revision));
  return { revision, sealed };
}

/** @throws StartError if neither secret opens the keys, or the content is invalid */
export function openSealedKeys(
  { revision, sealed }: SealedKeys,
  { secret, previousSecret }: SealingSecrets,
): KeyContent {
  const open = (by: KeyObject) => decryptText(sealed, sealingKey(by), contextOf(revision));
  const text = open(secret) ?? (previousSecret && open(previousSecret));
  if (text === null) {
    throw new StartError(
      'The keys in the database cannot be opened: JWT_KEYS_SECRET is not the secret that sealed them, or the table token_keys is damaged. Set the secret that sealed them, as JWT_KEYS_PREVIOUS_SECRET if it was changed; or restore a backup of the database.',
    );
  }
  const content = parseKeyContent(text);
  if (content) return content;
  throw new StartError(
    'The keys in the database are not in a form that this version knows; use the version that stored them, or restore a backup of the database.',
  );
}

/** Derives the key by HKDF (RFC 5869). */
function sealingKey(secret: KeyObject): Buffer {
  return Buffer.from(hkdfSync('sha256', secret.export(), '', 'nest-rest-jwt stored keys', 32));
}

function contextOf(revision: number): string {
  return `token_keys ${revision}`;
}
