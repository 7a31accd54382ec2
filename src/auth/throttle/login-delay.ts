import { createHash } from 'node:crypto';
import { addressRange } from '../../http/client-address.js';
import type { LoginFailure } from './login-failure.entity.js';

/** Consecutive failures from one address range before logins from that range are delayed. */
export const MAX_IN_RANGE = 5;
/** Consecutive failures from all addresses before logins are delayed. */
export const MAX_IN_ALL = 50;
/** Milliseconds. Each further failure doubles the delay, up to `LONGEST_DELAY`. */
const FIRST_DELAY = 15_000;
const LONGEST_DELAY = 15 * 60_000;
/** Milliseconds for which failures are kept after the last one. */
export const FAILURE_RETENTION = 24 * 3600_000;

/** The account and the address range of an attempt, and the keys of its rows of failures. */
export interface AttemptKeys {
  name: string;
  range: string;
  /** The key of the row that counts failures from the range. */
  rangeKey: string;
  /** The key of the row that counts failures from all addresses. */
  accountKey: string;
}

/** @param name in Unicode NFC */
export function attemptKeysOf(name: string, { ip }: { ip: string | null }): AttemptKeys {
  const range = addressRange(ip ?? '');
  // A range contains no space and is never "all", so that the two keys cannot collide.
  return { name, range, rangeKey: digest(`${range} ${name}`), accountKey: digest(`all ${name}`) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The timestamp at which the delay ends; 0 if there is none. */
export function endOfDelay(
  failure: Pick<LoginFailure, 'count' | 'lastAt'> | undefined,
  max: number,
): number {
  if (!failure || failure.count < max) return 0;
  const delay = FIRST_DELAY * 2 ** Math.min(failure.count - max, 20);
  return failure.lastAt + Math.min(delay, LONGEST_DELAY);
}
