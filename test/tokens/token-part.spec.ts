import { describe, expect, it } from '@jest/globals';
import { decodeBase64url, parseTokenPart } from '../../src/tokens/token-part.js';

const part = (text: string): string => Buffer.from(text).toString('base64url');

describe('parseTokenPart', () => {
  it('parses an object, with or without white space', () => {
    expect(parseTokenPart(part('{"a":"ü"}'))).toEqual({ a: 'ü' });
    expect(parseTokenPart(part('{ "a" : [ 1 ] }\n'))).toEqual({ a: [1] });
    expect(parseTokenPart(part('{"a":"\\u00fc"}'))).toEqual({ a: 'ü' });
  });

  it.each([
    ['padding', 'e30='],
    ['an unused bit that is set', 'e31'],
    ['a last character that holds too few bits', `${part('{"a":1}  ')}A`],
    ['a line break', `${part('{"a":1}  ').slice(0, 4)}\n${part('{"a":1}  ').slice(4)}`],
    ['characters of plain base64', part('{"a":"?>~~"}').replace('-', '+').replace('_', '/') + '+'],
    ['a character outside base64', `${part('{}')}*`],
    ['leading white space', ` ${part('{}')}`],
    ['trailing white space', `${part('{}')} `],
    ['an empty text', ''],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')],
    ['a string that is not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')],
    ['a text that is not JSON', part('{')],
    ['too many levels', part(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`)],
    ['too many values', part(`{"a":[${'1,'.repeat(1000)}1]}`)],
    ['a list', part('[]')],
    ['null', part('null')],
    ['a member twice', part('{"a":1, "a":1}')],
  ])('refuses %s', (_, text) => {
    expect(() => parseTokenPart(text)).toThrow();
  });
});

describe('decodeBase64url', () => {
  it('decodes a byte, and refuses an empty text', () => {
    expect(decodeBase64url('AA')).toEqual(Buffer.from([0]));
    expect(() => decodeBase64url('')).toThrow('a part is not canonical base64url');
  });
});
