import { messages } from '../validation/messages.js';
import { nfc } from '../validation/values.js';

/**
 * Characters that are invisible, look like a space, or change the direction of text, so that two
 * names look alike. Four are named by code point, because Unicode calls U+2800 (a braille pattern
 * without dots), U+1D159 (a note without a head) and U+FFFC (a placeholder for an object) symbols,
 * and U+16FE4 (a filler) a mark.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc]|\u{1d159}|\u{16fe4}/u;
const SPACE_AT_AN_END = /^\p{White_Space}|\p{White_Space}$/u;

/** Comes after the key of a name; see `nameKeyRange`. No new name can contain it. */
const SEPARATOR = '\u0001';
const AFTER_SEPARATOR = '\u0002';

/**
 * The field error of a new name, or null. Names that were registered under earlier rules may break
 * these. They are not checked again while they stay the same.
 */
export function nameError(name: string): string | null {
  if (INVISIBLE.test(name)) return messages.invisible;
  return SPACE_AT_AN_END.test(name) ? messages.spaceAtAnEnd : null;
}

/**
 * The unique key of a name: names that differ only in case have the same key. It is computed here
 * and stored, because the two databases convert to lower case differently.
 *
 * @returns at most twice as many characters as the name has
 */
export function nameKey(name: string): string {
  // `toLowerCase` may decompose a character (U+0130), and writes a sigma at the end of a word as ς.
  return nfc(nfc(name).toLowerCase()).replaceAll('ς', 'σ');
}

/**
 * The range of the keys that also belong to this name, besides `nameKey`. If two earlier names had
 * the same key, the migration appended `SEPARATOR` and the id of the user to the second key.
 *
 * @returns bounds, both exclusive, in code point order
 */
export function nameKeyRange(name: string): { from: string; to: string } {
  const key = nameKey(name);
  return { from: key + SEPARATOR, to: key + AFTER_SEPARATOR };
}
