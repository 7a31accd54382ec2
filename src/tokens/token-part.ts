import { isUtf8 } from 'node:buffer';
import { excessOf } from '../validation/json-bounds.js';
import { repeatsName } from '../validation/repeated-names.js';
import { isPlainObject } from '../validation/values.js';

/**
 * Decodes base64url in its canonical form (RFC 7515, section 2, and RFC 4648, section 3.5): no
 * padding, no characters outside of the alphabet, and no bits set after the last byte. Node accepts
 * all of these, so that one token would have many spellings.
 *
 * @throws Error if the text is not canonical, or empty
 */
export function decodeBase64url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (text === '' || bytes.toString('base64url') !== text) {
    throw new Error('a part is not canonical base64url');
  }
  return bytes;
}

/**
 * Decodes one part of a token into its JSON object.
 *
 * @throws Error if it is not canonical base64url, too deep or too large, not UTF-8, not a JSON
 * object, or names a member twice (RFC 7515, section 4, and RFC 7519, section 4, allow a verifier
 * to insist on unique names)
 */
export function parseTokenPart(part: string): Record<string, unknown> {
  const bytes = decodeBase64url(part);
  if (excessOf(bytes)) throw new Error('a part is nested too deeply, or has too many values');
  if (!isUtf8(bytes)) throw new Error('a part is not UTF-8');
  const text = bytes.toString('utf8');
  const value: unknown = JSON.parse(text);
  if (!isPlainObject(value)) throw new Error('a part is not a JSON object');
  if (repeatsName(text, value)) throw new Error('a member is named twice');
  return value;
}
