const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Whether any object in a JSON text has two members with the same name. RFC 8259, section 4, does
 * not define what that means, so two readers of the same text may see different values.
 * `JSON.parse` keeps only the last of these members, so the text has more members than its value.
 *
 * @param json valid JSON
 * @param value the result of `JSON.parse`, nested no deeper than `excessOf` allows
 */
export function repeatsName(json: string, value: unknown): boolean {
  // Most programs write JSON without white space, as `JSON.stringify` does. This check is the
  // fastest.
  return JSON.stringify(value) !== json && membersInText(json) !== membersIn(value);
}

/** Counts the colons outside of strings: each member has one. */
function membersInText(json: string): number {
  let members = 0;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === COLON) members++;
    else if (unit === QUOTE) i = endOfString(json, i);
  }
  return members;
}

/** @param start the index of the quotation mark that begins the string */
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
