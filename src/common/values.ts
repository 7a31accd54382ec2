/** Longer texts than this are no name and no password of anybody's. */
const MAX_NORMALIZED = 2048;

/**
 * The text in Unicode NFC, so that what looks the same is the same. A longer text than any that is
 * kept comes back as it is: normalizing takes time by the square of a run of combining marks.
 */
export function nfc(text: string): string {
  return text.length > MAX_NORMALIZED ? text : text.normalize('NFC');
}

/** A string that both databases keep as it is: well-formed Unicode without a NUL. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}

/** What JSON calls an object. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
