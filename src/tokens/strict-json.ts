import { isUtf8 } from 'node:buffer';
import { isPlainObject } from '../common/values.js';

/**
 * Decodes one part of a token into its JSON object.
 *
 * @throws Error where it is no base64url, no UTF-8, no JSON object, or names a member twice
 * (RFC 7515, section 4, and RFC 7519, section 4, allow a verifier to insist on unique names)
 */
export function parseTokenPart(part: string): Record<string, unknown> {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) throw new Error('a part is no base64url');
  const bytes = Buffer.from(part, 'base64url');
  if (!isUtf8(bytes)) throw new Error('a part is no UTF-8');
  const text = bytes.toString('utf8');
  const value: unknown = JSON.parse(text);
  if (!isPlainObject(value)) throw new Error('a part is no JSON object');
  // What we sign has no white space, and reads the same when it is written again.
  if (JSON.stringify(value) !== text && hasRepeatedName(text)) {
    throw new Error('a member is named twice');
  }
  return value;
}

/** Whether any object within valid JSON text names a member twice. */
export function hasRepeatedName(json: string): boolean {
  // One set of names for each object that is open, null for each list.
  const open: (Set<string> | null)[] = [];
  let latest: string | undefined;
  for (const [mark] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (mark === '{') open.push(new Set());
    else if (mark === '[') open.push(null);
    else if (mark === '}' || mark === ']') open.pop();
    else if (mark !== ':') latest = mark;
    else {
      const name = String(JSON.parse(latest ?? '""'));
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
