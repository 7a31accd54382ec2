import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateFolder, refuseWritableSecret } from '../config/private-file.js';
import { StartError } from '../errors/start-error.js';

/**
 * Reads the secret from the file.
 *
 * @param make whether a missing file is created
 * @returns null if the file is missing and not created
 */
export function secretOfFile(file: string, make: boolean): KeyObject | null {
  const secret = readSecretFile(file) ?? (make ? makeSecretFile(file) : undefined);
  return secret === undefined ? null : createSecretKey(Buffer.from(secret));
}

function readSecretFile(file: string): string | undefined {
  refuseWritableSecret(file);
  try {
    const secret = readFileSync(file, 'utf8').trim();
    if (secret.length >= 64) return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  throw new StartError(
    `The secret in ${file} is shorter than 64 characters; delete the file to have a new one made (which ends all logins), or set JWT_SECRET_KEY.`,
  );
}

/**
 * Writes the secret to a draft, and links the draft into place. The link fails if another process
 * was faster. The file is therefore never half-written, and two processes that start at the same
 * time use the same secret.
 */
function makeSecretFile(file: string): string {
  makePrivateFolder(dirname(file));
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(64).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  const secret = readSecretFile(file);
  if (secret === undefined) throw new Error(`${file} disappeared while it was being created.`);
  return secret;
}
