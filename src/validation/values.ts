/** UTF-16 units. No name and no password is longer. */
const MAX_NORMALIZED = 2048;
/**
 * More combining marks in a row than any language has. Text for streams has 30 at most (UAX #15,
 * section 13, Stream-Safe Text Format).
 */
const TOO_MANY_MARKS = /\p{M}{31}/u;

/**
 * The text in Unicode NFC, so that what looks the same is the same. Normalizing takes time by the
 * square of a run of combining marks. So a text with too many of them comes back as it is, as does a
 * text that is longer than any that is kept.
 */
export function nfc(text: string): string {
  const isCheap = text.length <= MAX_NORMALIZED && !TOO_MANY_MARKS.test(text);
  return isCheap ? text.normalize('NFC') : text;
}

/** A string that both databases keep as it is: well-formed Unicode without a NUL. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}

/** What JSON calls an object. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The length of a text as people and both databases count it. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/** A date and time with its offset (RFC 3339, section 5.6), of a day that exists. */
export function isDateTime(value: unknown): value is string {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) return false;
  const [, day] = DATE_TIME.exec(value) ?? [];
  // `Date.parse` takes the 31st of February for a day of March.
  return day !== undefined && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** Whether all texts in a value of JSON are such that both databases keep them as they are. */
export function hasOnlyText(value: unknown): boolean {
  if (typeof value === 'string') return isText(value);
  if (Array.isArray(value)) return value.every(hasOnlyText);
  if (!isPlainObject(value)) return true;
  return Object.entries(value).every(([name, each]) => isText(name) && hasOnlyText(each));
}
