import { describe, expect, it } from '@jest/globals';
import { namesTag, tagOf, versionsIn } from '../../../src/http/conditional/entity-tag.js';

const LARGEST = 2 ** 48 - 1;
const strong = (header: string | undefined) => versionsIn(header, { isStrong: true });
const weak = (header: string | undefined) => versionsIn(header, { isStrong: false });

/** Headers that are no list of entity tags, although each contains the tag of version 1. */
const INVALID = [
  ...['1', "'1'", '"1', '1"', '"1" "1"', '"1"; "1"', '"1", 1', 'x, "1"', '*, "1"', '"1", *'],
  ...['w/"1"', 'W"1"', 'W/ "1"', 'W /"1"', '"1", W/', '"1"x', '"1", "', '"1", "a b"', '"1", "\t"'],
  ...['"1", "\x7f"', '"1", "\u0100"', '"1"\n', '\u00a0"1"x'],
];

describe('Entity tags', () => {
  describe('tagOf', () => {
    it.each([
      [0, '"0"'],
      [1, '"1"'],
      [35, '"z"'],
      [36, '"10"'],
      [LARGEST, '"2rrvthnxtr"'],
    ])('makes a strong tag of the version %d', (version, tag) => {
      expect(tagOf(version)).toBe(tag);
    });

    it.each([0, 1, 35, 36, 2 ** 32, 2 ** 47 + 1, LARGEST - 1, LARGEST])(
      'makes a tag that names the version %d',
      (version) => {
        expect(strong(tagOf(version))).toEqual([version]);
        expect(weak(`W/${tagOf(version)}`)).toEqual([version]);
        expect(namesTag(tagOf(version), tagOf(version))).toBe(true);
      },
    );
  });

  describe('versionsIn', () => {
    it('returns null without a header', () => {
      expect([strong(undefined), weak(undefined)]).toEqual([null, null]);
    });

    it.each(['*', ' *', '*\t', ' * '])('names any version with %j', (header) => {
      expect([strong(header), weak(header)]).toEqual(['any', 'any']);
    });

    it.each([
      ['"1"', [1]],
      ['"1","z"', [1, 35]],
      ['"1", "z" ,\t"10"', [1, 35, 36]],
      [' \t"1" \t', [1]],
      ['"1", "1"', [1, 1]],
    ])('names the versions of the list %j', (header, versions) => {
      expect(strong(header)).toEqual(versions);
      expect(weak(header)).toEqual(versions);
    });

    it.each([
      [',"1"', [1]],
      ['"1",', [1]],
      ['"1", , ,"2"', [1, 2]],
      [' , "1" , ', [1]],
      [',', []],
      [' ', []],
      ['', []],
    ])('ignores the empty members of %j', (header, versions) => {
      expect(strong(header)).toEqual(versions);
    });

    it('names the versions of weak tags only if the comparison is weak', () => {
      const header = 'W/"1", "2", W/"3"';
      expect(strong(header)).toEqual([2]);
      expect(weak(header)).toEqual([1, 2, 3]);
    });

    it.each([
      ['"a,b", "1"', [1]],
      ['"1,2"', []],
      ['"1", ",", "2"', [1, 2]],
      ['"*", "1"', [1]],
      ['"W/1", "1"', [1]],
    ])('takes characters within the quotes of %j as a part of the tag', (header, versions) => {
      expect(strong(header)).toEqual(versions);
    });

    it.each([
      ...[
        '""',
        '"00"',
        '"01"',
        '"A"',
        '"1A"',
        '"-1"',
        '"+1"',
        '"1.5"',
        '"1_"',
        '"0x1"',
        '"1e\u00e9"',
      ],
      ...['"zzzzzzzzzzz"', '"10000000000"', `"${'1'.repeat(1000)}"`],
    ])('names no version with the tag %s', (tag) => {
      expect(strong(tag)).toEqual([]);
      expect(strong(`${tag}, "1"`)).toEqual([1]);
    });

    it.each(INVALID)('names no version with the invalid header %j', (header) => {
      expect([strong(header), weak(header)]).toEqual([[], []]);
    });

    it('names only integers that JavaScript represents exactly', () => {
      const [largest] = strong('"zzzzzzzzzz"') as number[];
      expect(Number.isSafeInteger(largest)).toBe(true);
    });

    it('reads every header anew', () => {
      expect(strong('"1" "2"')).toEqual([]);
      expect(strong('"1", "2"')).toEqual([1, 2]);
      expect(strong('"1"')).toEqual([1]);
    });
  });

  describe('namesTag', () => {
    const [row, list] = ['"1t6lm1qk2x"', 'W/"aB-_9"'];

    it.each<[header: string | undefined, isNamed: boolean]>([
      [undefined, false],
      ['', false],
      ['*', true],
      [' * ', true],
      [row, true],
      [`W/${row}`, true],
      [`"other", ${row}`, true],
      [`"a,b",,\tW/${row} ,`, true],
      ['"other"', false],
      ['"1T6LM1QK2X"', false],
      ['"1t6lm1qk2"', false],
      ['"1t6lm1qk2x2"', false],
      [`"${row}"`, false],
      [`${row} ${row}`, false],
      [`${row}, *`, false],
      ['1t6lm1qk2x', false],
    ])('compares the header %j with the tag of a row', (header, isNamed) => {
      expect(namesTag(header, row)).toBe(isNamed);
    });

    it.each<[header: string | undefined, isNamed: boolean]>([
      [list, true],
      ['"aB-_9"', true],
      [`"other", ${list}`, true],
      ['*', true],
      [row, false],
      ['W/"ab-_9"', false],
      ['w/"aB-_9"', false],
    ])('compares the header %j with the weak tag of a list', (header, isNamed) => {
      expect(namesTag(header, list)).toBe(isNamed);
    });

    it('takes W/ within the quotes as a part of the tag', () => {
      expect(namesTag('"aW/b"', '"aW/b"')).toBe(true);
      expect(namesTag('"ab"', '"aW/b"')).toBe(false);
    });

    it.each(INVALID)('finds no tag in the invalid header %j', (header) => {
      expect(namesTag(header, '"1"')).toBe(false);
    });
  });
});
