import { createSecretKey } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { type TokenKey, tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import { SuccessorSealService } from '../../src/sessions/successor-seal.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const keyOf = (fill: number) => tokenKey(createSecretKey(Buffer.alloc(32, fill)), 'HS256');
const tokenOf = (jti: string) =>
  new Token(`signed ${jti}`, { alg: 'HS256' }, { jti, sid: 'sid' } as Claims);
const [successor, spent] = [tokenOf('successor'), tokenOf('spent')];

describe('The seal of a successor', () => {
  const known: TokenKey[] = [keyOf(1), keyOf(2)];
  const findForUnsealing = jest.fn((id: string) => known.find((key) => key.id === id));
  const keys = { ring: { signing: known[0] }, findForUnsealing };
  const seal = new SuccessorSealService(keys as unknown as TokenKeys);

  it('opens with the spent token, also when another key signs by then', () => {
    const sealed = seal.seal(successor, spent);
    keys.ring.signing = known[1]!;
    expect(seal.unseal(sealed, spent)).toBe(successor.signed);
    expect(findForUnsealing).toHaveBeenCalledWith(known[0]!.id);
  });

  it('does not open with another token', () => {
    expect(seal.unseal(seal.seal(successor, spent), tokenOf('other'))).toBeNull();
  });

  it('is made with the key that signs at that moment', () => {
    const [first, second] = known;
    keys.ring.signing = first!;
    expect(seal.seal(successor, spent)).toContain(first!.id);
    keys.ring.signing = second!;
    expect(seal.seal(successor, spent)).toContain(second!.id);
  });

  it('asks to try again, with 503, if its key is no longer configured', () => {
    const sealed = seal.seal(successor, spent);
    known.length = 0;
    const unavailable = { code: 'service_unavailable', headers: { 'retry-after': '1' } };
    expect(() => seal.unseal(sealed, spent)).toThrow(expect.objectContaining(unavailable));
  });
});
