import { describe, expect, it } from '@jest/globals';
import { hasRepeatedName, parseTokenPart } from './strict-json.js';

const part = (text: string): string => Buffer.from(text).toString('base64url');

describe('hasRepeatedName', () => {
  it.each([
    ['{"a":1,"a":2}', true],
    ['{"a":1,"\\u0061":2}', true],
    ['{"b":{"a":1,"c":[{"a":1,"a":2}]}}', true],
    ['{"a":{"a":{"a":1}}}', false],
    ['{"a":[{"a":1},{"a":2}],"b":["a","a"]}', false],
    ['{"a":"a\\":\\"","b":"{\\"a\\":1,\\"a\\":2}"}', false],
    ['{"a":":","b":":"}', false],
    ['{}', false],
    ['[1,2]', false],
  ])('%s: %s', (json, expected) => {
    JSON.parse(json);
    expect(hasRepeatedName(json)).toBe(expected);
  });
});

describe('parseTokenPart', () => {
  it('reads an object, with white space or without', () => {
    expect(parseTokenPart(part('{"a":"ü"}'))).toEqual({ a: 'ü' });
    expect(parseTokenPart(part('{ "a" : [ 1 ] }\n'))).toEqual({ a: [1] });
    expect(parseTokenPart(part('{"a":"\\u00fc"}'))).toEqual({ a: 'ü' });
  });

  it.each([
    ['no base64url', 'e30='],
    ['nothing', ''],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')],
    ['no JSON', part('{')],
    ['no object', part('[]')],
    ['null', part('null')],
    ['a member twice', part('{"a":1, "a":1}')],
  ])('refuses %s', (_, text) => {
    expect(() => parseTokenPart(text)).toThrow();
  });
});
