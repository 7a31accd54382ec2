// @ts-check
// JavaScript, because a worker thread runs it. Under Jest, no code of a worker is compiled.
import { Buffer } from 'node:buffer';

/**
 * No row is added once the texts of a response exceed this number of bytes of JSON. With all of its
 * fields, the response then stays below 1 MiB.
 */
const LIMIT = 500_000;

/** Characters that JSON escapes. A control character or a lone surrogate becomes six bytes. */
// eslint-disable-next-line no-control-regex
const ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;

/**
 * Takes rows until their texts exceed 500,000 bytes of JSON, because a response of a thousand large
 * rows would delay other requests. The row that exceeds the limit is included.
 *
 * @param {Iterable<unknown[]>} rows
 * @param {number} bytes of JSON that the response holds already
 * @returns {{ rows: unknown[][], truncated: boolean, maxBytes: number }} the rows, whether more rows
 *   may follow, and an upper bound of the bytes of JSON that the response holds
 */
export function takeBounded(rows, bytes = 0) {
  /** @type {unknown[][]} */
  const taken = [];
  let measured = 0;
  let exact = bytes;
  // A UTF-16 unit has at most six bytes. Small pages need no more exact measurement.
  let maxBytes = bytes;
  for (const row of rows) {
    taken.push(row);
    maxBytes += 6 * sumOfTexts(row, lengthOf);
    if (maxBytes <= LIMIT) continue;
    for (; measured < taken.length; measured++) {
      exact += sumOfTexts(taken[measured] ?? [], sizeOf);
    }
    if (exact > LIMIT) return { rows: taken, truncated: true, maxBytes: exact };
    maxBytes = exact;
  }
  return { rows: taken, truncated: false, maxBytes };
}

/**
 * @param {unknown[]} row
 * @param {(text: string) => number} measure
 */
function sumOfTexts(row, measure) {
  let sum = 0;
  for (const value of row) if (typeof value === 'string') sum += measure(value);
  return sum;
}

/** @param {string} text */
function lengthOf({ length }) {
  return length;
}

/** @param {string} text */
function sizeOf(text) {
  return ESCAPED.test(text) ? Buffer.byteLength(JSON.stringify(text)) - 2 : Buffer.byteLength(text);
}
