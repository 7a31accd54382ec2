import { isUtf8 } from 'node:buffer';
import { excessOf } from '../common/json-bounds.js';
import { repeatsName } from '../common/repeated-names.js';
import { isPlainObject } from '../common/values.js';

/**
 * Decodes one part of a token into its JSON object.
 *
 * @throws Error where it is no base64url, too full, no UTF-8, no JSON object, or names a member twice
 * (RFC 7515, section 4, and RFC 7519, section 4, allow a verifier to insist on unique names)
 */
export function parseTokenPart(part: string): Record<string, unknown> {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) throw new Error('a part is no base64url');
  const bytes = Buffer.from(part, 'base64url');
  if (excessOf(bytes)) throw new Error('a part is nested too deeply, or holds too much');
  if (!isUtf8(bytes)) throw new Error('a part is no UTF-8');
  const text = bytes.toString('utf8');
  const value: unknown = JSON.parse(text);
  if (!isPlainObject(value)) throw new Error('a part is no JSON object');
  if (repeatsName(text, value)) throw new Error('a member is named twice');
  return value;
}
