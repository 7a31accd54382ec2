import { isUtf8 } from 'node:buffer';
import { isText } from '../validation/values.js';

export interface BasicCredentials {
  name: string;
  password: string;
}

/**
 * Parses `Authorization: Basic` (RFC 7617, section 2). Returns null if the header is missing, sent
 * twice, malformed or of another scheme, or if the name or the password is empty or not UTF-8.
 *
 * @param headers every value of `Authorization` that was sent
 */
export function basicCredentials(headers: readonly string[]): BasicCredentials | null {
  const [header = '', second] = headers;
  const [, encoded] = /^basic +([\w+/=-]+)$/i.exec(header) ?? [];
  if (encoded === undefined || second !== undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  if (!isUtf8(bytes)) return null;
  // A name cannot contain a colon, a password can.
  const [, name, password] = /^([^:]+):([^]+)$/.exec(bytes.toString()) ?? [];
  return isText(name) && isText(password) ? { name, password } : null;
}
