import { describe, expect, it } from '@jest/globals';
import type { TokenKey } from '../../src/keys/token-key.js';
import {
  digestOf,
  seal as sealWith,
  sealingKeyId,
  unseal as unsealWith,
} from '../../src/sessions/sealed-token.js';
import { type Claims, Token } from '../../src/tokens/token.js';

/** A token as the seal sees it: its letters, its id and its session. */
function tokenOf(signed: string, { jti = 'jti', sid = 'sid' }: Partial<Claims> = {}): Token {
  return new Token(signed, { alg: 'HS256' }, { jti, sid } as Claims);
}

/** A key as the seal sees it. */
const keyOf = (sealing: string) => ({ id: 'kid', sealing: Buffer.from(sealing) }) as TokenKey;

const key = keyOf('the secret of a signing key');
const seal = (token: Token, spent: Token) => sealWith(token, spent, key);
const unseal = (sealed: string, spent: Token) => unsealWith(sealed, spent, key);
/** The bytes behind the id of the key. */
const bytesOf = (sealed: string) => Buffer.from(sealed.slice('kid.'.length), 'base64url');

const successor = tokenOf('header.successor.signature', { jti: 'successor' });
const spent = tokenOf('header.spent.signature');

describe('A sealed token', () => {
  it('opens with the spent token, letter for letter', () => {
    expect(unseal(seal(successor, spent), spent)).toBe(successor.signed);
  });

  it.each([
    ['another token of the session', tokenOf('header.other.signature')],
    ['the token with another signature', tokenOf('header.spent.signaturf')],
    ['the token without its signature', tokenOf('header.spent.')],
    ['nothing', tokenOf('')],
    ['the successor', successor],
    ['the token in another session', tokenOf(spent.signed, { sid: 'other' })],
  ])('does not open with %s', (_, other) => {
    expect(unseal(seal(successor, spent), other)).toBeNull();
    expect(unseal(seal(successor, other), spent)).toBeNull();
  });

  it('does not open with the secret of another key', () => {
    expect(unsealWith(seal(successor, spent), spent, keyOf('another secret'))).toBeNull();
  });

  it('opens in its own session only, where a token has one', () => {
    const bare = new Token(spent.signed, { alg: 'HS256' }, { jti: 'jti' } as Claims);
    expect(unseal(seal(successor, bare), bare)).toBe(successor.signed);
    expect(unseal(seal(successor, bare), spent)).toBeNull();
    expect(unseal(seal(successor, bare), tokenOf(spent.signed, { sid: 'null' }))).toBeNull();
  });

  it('names the key that it was sealed with', () => {
    expect(sealingKeyId(seal(successor, spent))).toBe('kid');
  });

  it('does not open when a byte of it was changed, or is missing', () => {
    const sealed = bytesOf(seal(successor, spent));
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i]! ^= 1;
      expect(unseal(`kid.${changed.toString('base64url')}`, spent)).toBeNull();
      expect(unseal(`kid.${sealed.subarray(0, i).toString('base64url')}`, spent)).toBeNull();
    }
    expect(unseal('', spent)).toBeNull();
  });

  it('does not open with a part of its tag, however short the text is', () => {
    const sealed = bytesOf(seal(tokenOf(''), spent));
    expect(unseal(`kid.${sealed.toString('base64url')}`, spent)).toBe('');
    for (let i = 0; i < sealed.length; i++) {
      expect(unseal(`kid.${sealed.subarray(0, i).toString('base64url')}`, spent)).toBeNull();
    }
  });

  it('is another each time, and holds nothing that can be read', () => {
    const both = [seal(successor, spent), seal(successor, spent)];
    expect(both[0]).not.toBe(both[1]);
    // A nonce of 96 bits and a tag of 128 (NIST SP 800-38D, sections 5.2.1.1 and 5.2.1.2).
    expect(bytesOf(both[0]!)).toHaveLength(12 + 16 + successor.signed.length);
    // Not the nonce alone: the ciphertexts differ, too.
    expect(both[0]!.slice(40)).not.toBe(both[1]!.slice(40));
    expect(bytesOf(both[0]!).toString('latin1')).not.toContain('successor');
  });
});

describe('The digest of a token', () => {
  it('is of its id alone', () => {
    expect(digestOf(tokenOf('a'))).toBe(digestOf(tokenOf('b')));
    expect(digestOf(tokenOf('a', { jti: 'one' }))).not.toBe(digestOf(tokenOf('a', { jti: 'two' })));
    expect(digestOf(tokenOf('a', { jti: 'one' }))).not.toContain('one');
  });
});
