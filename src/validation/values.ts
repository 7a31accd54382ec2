/** The maximum length in UTF-16 units. No name or password is longer. */
const MAX_NORMALIZED = 2048;
/**
 * More combining marks in a row than any language has. Text for streams has 30 at most (UAX #15,
 * section 13, Stream-Safe Text Format).
 */
const TOO_MANY_MARKS = /\p{M}{31}/u;

/**
 * Returns the text in Unicode NFC, so that texts that look the same are equal. The time to
 * normalize a run of combining marks grows with the square of its length. So a text with too many
 * marks in a row is returned unchanged, as is a text that is longer than any that is stored.
 */
export function nfc(text: string): string {
  const isCheap = text.length <= MAX_NORMALIZED && !TOO_MANY_MARKS.test(text);
  return isCheap ? text.normalize('NFC') : text;
}

/** Returns the values with their texts in Unicode NFC; see `nfc`. */
export function nfcTexts<Values extends object>(values: Values): Values {
  const entries = Object.entries(values).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? nfc(value) : value,
  ]);
  return Object.fromEntries(entries) as Values;
}

/** Whether the value is a string that both databases can store: well-formed Unicode without NUL. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}

/** Whether the value is an object in the sense of JSON. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The length of a text in characters, as both databases count them. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/**
 * Whether the value is a date and time with an offset (RFC 3339, section 5.6), on an existing day.
 */
export function isDateTime(value: unknown): value is string {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) return false;
  const [, day] = DATE_TIME.exec(value) ?? [];
  // `Date.parse` accepts the 31st of February as a day of March.
  return day !== undefined && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** Whether both databases can store all texts in a JSON value; see `isText`. */
export function hasOnlyText(value: unknown): boolean {
  if (typeof value === 'string') return isText(value);
  if (Array.isArray(value)) return value.every(hasOnlyText);
  if (!isPlainObject(value)) return true;
  return Object.entries(value).every(([name, each]) => isText(name) && hasOnlyText(each));
}

/** A date without a time (`full-date` of RFC 3339, section 5.6) that exists. */
export function isCalendarDate(value: unknown): value is string {
  return typeof value === 'string' && isDateTime(`${value}T00:00:00Z`);
}
