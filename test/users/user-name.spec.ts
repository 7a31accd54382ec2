import { describe, expect, it } from '@jest/globals';
import { nameKey, nameKeyRange, nameError } from '../../src/users/user-name.js';

describe('nameError', () => {
  const invisible = 'Must not contain control, zero-width or bidirectional formatting characters.';
  const spaceAtAnEnd = 'Must not begin or end with white space.';

  it.each(['leia', 'Leia Organa', 'léia', 'Ω', '李', 'a.b-c_d@e'])(
    'accepts the name %s',
    (name) => {
      expect(nameError(name)).toBeNull();
    },
  );

  it.each([
    ['a control character', 'le\u0007ia'],
    ['a line separator', 'le\u2028ia'],
    ['a paragraph separator', 'le\u2029ia'],
    ['a zero-width space', 'leia\u200b'],
    ['a right-to-left override', '\u202eleia'],
    ['an interlinear annotation', 'le\ufff9ia'],
    ['a tag', 'leia\u{e0041}'],
    ['a braille pattern without dots', 'le\u2800ia'],
    ['a Khitan filler', 'le\u{16fe4}ia'],
    ['a null notehead', 'le\u{1d159}ia'],
    ['an object replacement character', 'le\ufffcia'],
    ['an Arabic number sign', 'le\u0600ia'],
  ])('refuses a name with %s', (_, name) => {
    expect(nameError(name)).toBe(invisible);
  });

  it.each([' leia', 'leia ', '\u00a0leia', 'leia\u3000'])(
    'refuses white space at the beginning or end: %j',
    (name) => {
      expect(nameError(name)).toBe(spaceAtAnEnd);
    },
  );
});

describe('nameKey', () => {
  it('is the same for names that differ only in case', () => {
    expect(nameKey('LeIa')).toBe(nameKey('leia'));
    expect(nameKey('ΟΔΥΣΣΕΥΣ')).toBe(nameKey('οδυσσευς'));
    expect(nameKey('Σίσυφος')).toBe('σίσυφοσ');
    expect(nameKey('ΣΊΣΥΦΟΣ')).toBe('σίσυφοσ');
    expect(nameKey('leia')).not.toBe(nameKey('luke'));
  });

  it('is in Unicode NFC for any form and case of the name', () => {
    expect(nameKey('AME\u0301LIE')).toBe('am\u00e9lie');
    // Unicode has a small iota with both marks as one character, but no such capital iota.
    expect(nameKey('\u03aa\u0301')).toBe('\u0390');
  });

  it('has a range that covers the same key with the id of an earlier user', () => {
    const { from, to } = nameKeyRange('Leia');
    expect(from).toBe('leia\u0001');
    expect(to).toBe('leia\u0002');
  });
});
