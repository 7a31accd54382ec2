import { describe, expect, it } from '@jest/globals';
import { repeatsName } from '../../src/validation/repeated-names.js';

describe('repeatsName', () => {
  it.each([
    ['{"a":1,"a":2}', true],
    ['{"a":1,"\\u0061":2}', true],
    ['{"b":{"a":1,"c":[{"a":1,"a":2}]}}', true],
    ['{"a":{"a":{"a":1}}}', false],
    ['{"a":[{"a":1},{"a":2}],"b":["a","a"]}', false],
    ['{"a":"a\\":\\"","b":"{\\"a\\":1,\\"a\\":2}"}', false],
    ['{"a":":","b":":"}', false],
    ['{"a" : "\\\\", "b" : ":\\":"}', false],
    ['{ "a" : {"__proto__":1,"__proto__":2} }', true],
    ['{"__proto__":{"a":1},"constructor":2}', false],
    ['"a:b"', false],
    ['{}', false],
    ['[1,2]', false],
  ])('says whether %s repeats a name: %s', (json, expected) => {
    expect(repeatsName(json, JSON.parse(json))).toBe(expected);
  });
});
