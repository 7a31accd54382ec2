import { describe, expect, it, jest } from '@jest/globals';
import { nfc } from '../../src/validation/values.js';

const marks = (count: number) => '\u0301'.repeat(count / 2) + '\u0316'.repeat(count / 2);

describe('nfc', () => {
  it('composes characters and orders marks', () => {
    expect(nfc('e\u0301')).toBe('\u00e9');
    expect(nfc(`e${marks(30)}`)).toBe(`e${marks(30)}`.normalize('NFC'));
    expect(nfc(`e${marks(30)}`)).not.toBe(`e${marks(30)}`);
  });

  it.each([
    ['31 marks in a row', `e\u0301${marks(30)}`],
    ['2049 characters', `${'x'.repeat(2047)}e\u0301`],
  ])('does not normalize a text with %s', (_, text) => {
    const normalize = jest.spyOn(String.prototype, 'normalize');
    expect(nfc(text)).toBe(text);
    expect(normalize).not.toHaveBeenCalled();
    normalize.mockRestore();
  });
});
