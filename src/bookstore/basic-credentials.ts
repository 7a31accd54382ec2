import { isUtf8 } from 'node:buffer';
import { isText } from '../validation/values.js';

export interface BasicCredentials {
  name: string;
  password: string;
}

/**
 * What `Authorization: Basic` holds (RFC 7617, section 2), or null where the header is missing,
 * sent twice, of another scheme or malformed, or where the name or the password is empty or no
 * UTF-8.
 *
 * @param headers every value of `Authorization` that was sent
 */
export function basicCredentials(headers: readonly string[]): BasicCredentials | null {
  const [header = '', second] = headers;
  const [, encoded] = /^basic +([\w+/=-]+)$/i.exec(header) ?? [];
  if (encoded === undefined || second !== undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  if (!isUtf8(bytes)) return null;
  // A name holds no colon, a password may.
  const [, name, password] = /^([^:]+):([^]+)$/.exec(bytes.toString()) ?? [];
  return isText(name) && isText(password) ? { name, password } : null;
}
