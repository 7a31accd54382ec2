import { messages } from '../validation/messages.js';
import { nfc } from '../validation/values.js';

/**
 * Characters that take no room, look like a space, or change the direction of others, so that two
 * names look alike. Unicode calls U+2800 (a braille pattern without dots), U+1D159 (a note without a
 * head) and U+FFFC (the place of an object) symbols, and U+16FE4 (a filler) a mark.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc]|\u{1d159}|\u{16fe4}/u;
const SPACE_AT_AN_END = /^\p{White_Space}|\p{White_Space}$/u;

/** Ends the key of a name, and is part of no new name: see `nameKeyRange`. */
const SEPARATOR = '\u0001';
const AFTER_SEPARATOR = '\u0002';

/**
 * What is wrong with a new name, or null. Names that were registered under earlier rules may break
 * these; they are not checked again while they stay the same.
 */
export function nameError(name: string): string | null {
  if (INVISIBLE.test(name)) return messages.invisible;
  return SPACE_AT_AN_END.test(name) ? messages.spaceAtAnEnd : null;
}

/**
 * What no two names share: names that differ only in case have the same key. It is computed here
 * and stored, as the two databases have different ideas of lower case.
 *
 * @returns at most twice as many characters as the name has
 */
export function nameKey(name: string): string {
  // Lower case may decompose (U+0130), and the sigma at the end of a word has a lower case of its own.
  return nfc(nfc(name).toLowerCase()).replaceAll('ς', 'σ');
}

/**
 * The keys of earlier names that are taken for this one, besides the key itself. The migration gave
 * a name whose key another had already the key with `SEPARATOR` and the user's id behind it.
 *
 * @returns bounds, both exclusive, in order of code points
 */
export function nameKeyRange(name: string): { from: string; to: string } {
  const key = nameKey(name);
  return { from: key + SEPARATOR, to: key + AFTER_SEPARATOR };
}
