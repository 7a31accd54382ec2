import { isPlainObject } from '../validation/values.js';
import type { StoredKey } from './stored-key.js';

/** What `npm run keys` stores, in the key file or in the database. */
export interface KeyContent {
  keys: StoredKey[];
  /** The id of the key that signs; null if the configured key signs. */
  signing: string | null;
  /** The time by which the last token of a replaced key expires, by key id; ISO 8601. */
  replaced: Record<string, string>;
  /** Ids of configured keys that are retired. */
  retired: string[];
}

/** The content before the first change. */
export function noKeys(): KeyContent {
  return { keys: [], signing: null, replaced: {}, retired: [] };
}

/** Returns the content that a JSON text holds; null if it holds none. Does not check the keys. */
export function parseKeyContent(text: string): KeyContent | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isPlainObject(value)) return null;
    const { keys, signing, replaced, retired } = value;
    const isValid =
      Array.isArray(keys) &&
      keys.every((key) => isPlainObject(key) && isText(key.kid) && isText(key.created_at)) &&
      (signing === null || isText(signing)) &&
      isPlainObject(replaced) &&
      Object.values(replaced).every(
        (timestamp) => isText(timestamp) && !isNaN(Date.parse(timestamp)),
      ) &&
      Array.isArray(retired) &&
      retired.every(isText);
    return isValid ? (value as unknown as KeyContent) : null;
  } catch {
    return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
