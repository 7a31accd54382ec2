const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Whether any object within JSON text names a member twice. RFC 8259, section 4, does not say what
 * that means, so that two readers of the same text may see different values. `JSON.parse` keeps the
 * last of the members: then the text has more members than its value.
 *
 * @param json valid JSON
 * @param value what `JSON.parse` made of it, nested no deeper than `excessOf` allows
 */
export function repeatsName(json: string, value: unknown): boolean {
  // Most programs write JSON as JSON.stringify does, without white space: that comparison is the fastest.
  return JSON.stringify(value) !== json && membersInText(json) !== membersIn(value);
}

/** Each member has a colon, and outside of strings nothing else has. */
function membersInText(json: string): number {
  let members = 0;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === COLON) members++;
    else if (unit === QUOTE) i = endOfString(json, i);
  }
  return members;
}

/** @param start where its first quotation mark is */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  for (let unit; (unit = json.charCodeAt(i)) !== QUOTE;) i += unit === BACKSLASH ? 2 : 1;
  return i;
}

function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Object.values(value);
  const own = Array.isArray(value) ? 0 : values.length;
  return values.reduce((members: number, each) => members + membersIn(each), own);
}
