const MAX_DEPTH = 32;
/** Members and elements, at all depths: many times what any of our bodies or tokens holds. */
const MAX_VALUES = 1_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/**
 * Counts brackets and commas outside of strings, before anything recursive or slow looks at the text.
 *
 * @returns what there is too much of, if anything
 */
export function excessOf(json: Buffer): 'depth' | 'values' | null {
  let depth = 0;
  let values = 1;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA && ++values > MAX_VALUES) return 'values';
    else if (OPEN.has(byte) && ++depth > MAX_DEPTH) return 'depth';
    else if (CLOSE.has(byte)) depth--;
  }
  return null;
}
