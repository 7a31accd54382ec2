const MAX_DEPTH = 32;
/** The maximum number of members and elements at all depths. No valid body or token has so many. */
const MAX_VALUES = 1_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** By byte: 1 opens an object or array, 2 closes one, 3 is a comma, 4 begins a string. */
const MARKS = new Uint8Array(256);
for (const open of '[{') MARKS[open.charCodeAt(0)] = 1;
for (const close of ']}') MARKS[close.charCodeAt(0)] = 2;
MARKS[COMMA] = 3;
MARKS[QUOTE] = 4;

/**
 * Checks JSON for its depth and number of values, before recursive or slow code reads it. It counts
 * brackets and commas outside of strings.
 *
 * @returns the bound that the text exceeds, or null
 */
export function excessOf(json: Buffer): 'depth' | 'values' | null {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < json.length; i++) {
    const mark = MARKS[json[i]!];
    if (mark === 0) continue;
    if (mark === 4) i = endOfString(json, i);
    else if (mark === 3 && ++values > MAX_VALUES) return 'values';
    else if (mark === 1 && ++depth > MAX_DEPTH) return 'depth';
    else if (mark === 2) depth--;
  }
  return null;
}

/** @param start the index of the quotation mark that begins the string */
function endOfString(json: Buffer, start: number): number {
  let i = start + 1;
  while (i < json.length && json[i] !== QUOTE) i += json[i] === BACKSLASH ? 2 : 1;
  return i;
}
