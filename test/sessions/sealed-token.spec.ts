import { describe, expect, it } from '@jest/globals';
import type { TokenKey } from '../../src/keys/token-key.js';
import {
  digestOf,
  seal as sealWith,
  sealingKeyId,
  unseal as unsealWith,
} from '../../src/sessions/sealed-token.js';
import { type Claims, Token } from '../../src/tokens/token.js';

/** A token with the parts that a seal uses: the signed text, the id and the session. */
function tokenOf(signed: string, { jti = 'jti', sid = 'sid' }: Partial<Claims> = {}): Token {
  return new Token(signed, { alg: 'HS256' }, { jti, sid } as Claims);
}

/** A key with the parts that a seal uses. */
const keyOf = (sealing: string) => ({ id: 'kid', sealing: Buffer.from(sealing) }) as TokenKey;

const key = keyOf('the secret of a signing key');
const seal = (token: Token, rotated: Token) => sealWith(token, rotated, key);
const unseal = (sealed: string, rotated: Token) => unsealWith(sealed, rotated, key);
/** The bytes after the id of the key. */
const bytesOf = (sealed: string) => Buffer.from(sealed.slice('kid.'.length), 'base64url');

const successor = tokenOf('header.successor.signature', { jti: 'successor' });
const rotated = tokenOf('header.rotated.signature');

describe('seal and unseal', () => {
  it('unseals the successor with the rotated token, byte for byte', () => {
    expect(unseal(seal(successor, rotated), rotated)).toBe(successor.signed);
  });

  it.each([
    ['another token of the session', tokenOf('header.other.signature')],
    ['the token with another signature', tokenOf('header.rotated.signaturf')],
    ['the token without its signature', tokenOf('header.rotated.')],
    ['an empty token', tokenOf('')],
    ['the successor', successor],
    ['the token in another session', tokenOf(rotated.signed, { sid: 'other' })],
  ])('does not unseal with %s', (_, other) => {
    expect(unseal(seal(successor, rotated), other)).toBeNull();
    expect(unseal(seal(successor, other), rotated)).toBeNull();
  });

  it('does not unseal with the secret of another key', () => {
    expect(unsealWith(seal(successor, rotated), rotated, keyOf('another secret'))).toBeNull();
  });

  it('unseals only in the session of the rotated token, if it has one', () => {
    const bare = new Token(rotated.signed, { alg: 'HS256' }, { jti: 'jti' } as Claims);
    expect(unseal(seal(successor, bare), bare)).toBe(successor.signed);
    expect(unseal(seal(successor, bare), rotated)).toBeNull();
    expect(unseal(seal(successor, bare), tokenOf(rotated.signed, { sid: 'null' }))).toBeNull();
  });

  it('contains the id of the sealing key', () => {
    expect(sealingKeyId(seal(successor, rotated))).toBe('kid');
  });

  it('does not unseal if a byte is changed or missing', () => {
    const sealed = bytesOf(seal(successor, rotated));
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i]! ^= 1;
      expect(unseal(`kid.${changed.toString('base64url')}`, rotated)).toBeNull();
      expect(unseal(`kid.${sealed.subarray(0, i).toString('base64url')}`, rotated)).toBeNull();
    }
    expect(unseal('', rotated)).toBeNull();
  });

  it('does not unseal with a shortened tag, even if the text is empty', () => {
    const sealed = bytesOf(seal(tokenOf(''), rotated));
    expect(unseal(`kid.${sealed.toString('base64url')}`, rotated)).toBe('');
    for (let i = 0; i < sealed.length; i++) {
      expect(unseal(`kid.${sealed.subarray(0, i).toString('base64url')}`, rotated)).toBeNull();
    }
  });

  it('seals differently each time, and hides the text', () => {
    const both = [seal(successor, rotated), seal(successor, rotated)];
    expect(both[0]).not.toBe(both[1]);
    // A nonce of 96 bits and a tag of 128 bits (NIST SP 800-38D, sections 5.2.1.1 and 5.2.1.2).
    expect(bytesOf(both[0]!)).toHaveLength(12 + 16 + successor.signed.length);
    // The ciphertexts differ as well, not only the nonces.
    expect(both[0]!.slice(40)).not.toBe(both[1]!.slice(40));
    expect(bytesOf(both[0]!).toString('latin1')).not.toContain('successor');
  });
});

describe('digestOf', () => {
  it('depends only on the id of the token', () => {
    expect(digestOf(tokenOf('a'))).toBe(digestOf(tokenOf('b')));
    expect(digestOf(tokenOf('a', { jti: 'one' }))).not.toBe(digestOf(tokenOf('a', { jti: 'two' })));
    expect(digestOf(tokenOf('a', { jti: 'one' }))).not.toContain('one');
  });
});
