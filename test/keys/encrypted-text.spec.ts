import { describe, expect, it } from '@jest/globals';
import { decryptText, encryptText } from '../../src/keys/encrypted-text.js';

const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

describe('encryptText', () => {
  it('encrypts a text that only the same key and context decrypt', () => {
    const encrypted = encryptText('“text” 🚀', key, 'context');
    expect(decryptText(encrypted, key, 'context')).toBe('“text” 🚀');
    expect(decryptText(encrypted, other, 'context')).toBeNull();
    expect(decryptText(encrypted, key, 'another')).toBeNull();
    expect(decryptText(encrypted, key)).toBeNull();
    expect(decryptText(encryptText('', key), key)).toBe('');
  });

  it('uses a new nonce of 96 bits each time, and a tag of 128 bits', () => {
    const [one, another] = [encryptText('text', key), encryptText('text', key)];
    expect(one.slice(0, 16)).not.toBe(another.slice(0, 16));
    expect(Buffer.from(one, 'base64url')).toHaveLength(12 + 16 + 4);
  });

  it('accepts no shorter tag', () => {
    const bytes = Buffer.from(encryptText('', key), 'base64url');
    expect(bytes).toHaveLength(28);
    for (const length of [4, 8, 12, 15]) {
      const shortened = bytes.subarray(0, 12 + length).toString('base64url');
      expect(decryptText(shortened, key)).toBeNull();
    }
  });

  it('detects a change of every part', () => {
    const bytes = Buffer.from(encryptText('text', key), 'base64url');
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i]! ^= 1;
      expect(decryptText(changed.toString('base64url'), key)).toBeNull();
    }
    for (const length of [0, 12, 20, 28, bytes.length - 1]) {
      expect(decryptText(bytes.subarray(0, length).toString('base64url'), key)).toBeNull();
    }
  });
});
