import { describe, expect, it } from '@jest/globals';
import { decodeBase64url, parseTokenPart } from '../../src/tokens/token-part.js';

const part = (text: string): string => Buffer.from(text).toString('base64url');

describe('parseTokenPart', () => {
  it('reads an object, with white space or without', () => {
    expect(parseTokenPart(part('{"a":"ü"}'))).toEqual({ a: 'ü' });
    expect(parseTokenPart(part('{ "a" : [ 1 ] }\n'))).toEqual({ a: [1] });
    expect(parseTokenPart(part('{"a":"\\u00fc"}'))).toEqual({ a: 'ü' });
  });

  it.each([
    ['padding', 'e30='],
    ['bits that are set behind the last byte', 'e31'],
    ['a text that cannot be the end of base64url', `${part('{"a":1}  ')}A`],
    ['a line break', `${part('{"a":1}  ').slice(0, 4)}\n${part('{"a":1}  ').slice(4)}`],
    ['characters of base64', part('{"a":"?>~~"}').replace('-', '+').replace('_', '/') + '+'],
    ['characters that are no base64', `${part('{}')}*`],
    ['white space in front', ` ${part('{}')}`],
    ['white space behind', `${part('{}')} `],
    ['nothing', ''],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')],
    ['no UTF-8 in a text', Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')],
    ['no JSON', part('{')],
    ['too many levels', part(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`)],
    ['too many values', part(`{"a":[${'1,'.repeat(1000)}1]}`)],
    ['no object', part('[]')],
    ['null', part('null')],
    ['a member twice', part('{"a":1, "a":1}')],
  ])('refuses %s', (_, text) => {
    expect(() => parseTokenPart(text)).toThrow();
  });
});

describe('decodeBase64url', () => {
  it('refuses an empty text', () => {
    expect(decodeBase64url('AA')).toEqual(Buffer.from([0]));
    expect(() => decodeBase64url('')).toThrow('a part is no canonical base64url');
  });
});
