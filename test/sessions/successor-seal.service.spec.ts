import { createSecretKey } from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type TokenKey, tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import { SuccessorSealService } from '../../src/sessions/successor-seal.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const keyOf = (fill: number) => tokenKey(createSecretKey(Buffer.alloc(32, fill)), 'HS256');
const tokenOf = (jti: string) =>
  new Token(`signed ${jti}`, { alg: 'HS256' }, { jti, sid: 'sid' } as Claims);
const [successor, rotated] = [tokenOf('successor'), tokenOf('rotated')];

describe('SuccessorSealService', () => {
  const known: TokenKey[] = [keyOf(1), keyOf(2)];
  const findForUnsealing = jest.fn((id: string) => known.find((key) => key.id === id));
  const reload = jest.fn<TokenKeys['reload']>().mockResolvedValue();
  const keys = { ring: { signing: known[0] }, findForUnsealing, reload };
  const seal = new SuccessorSealService(keys as unknown as TokenKeys);

  it('unseals with the rotated token, even after another key signs', () => {
    const sealed = seal.seal(successor, rotated);
    keys.ring.signing = known[1]!;
    expect(seal.unseal(sealed, rotated)).toBe(successor.signed);
    expect(findForUnsealing).toHaveBeenCalledWith(known[0]!.id);
  });

  it('does not unseal with another token', () => {
    expect(seal.unseal(seal.seal(successor, rotated), tokenOf('other'))).toBeNull();
  });

  it('seals with the key that currently signs', () => {
    const [first, second] = known;
    keys.ring.signing = first!;
    expect(seal.seal(successor, rotated)).toContain(first!.id);
    keys.ring.signing = second!;
    expect(seal.seal(successor, rotated)).toContain(second!.id);
  });

  it('throws 503 if the sealing key is no longer configured', () => {
    const sealed = seal.seal(successor, rotated);
    known.length = 0;
    const unavailable = { code: 'service_unavailable', headers: { 'retry-after': '1' } };
    expect(() => seal.unseal(sealed, rotated)).toThrow(expect.objectContaining(unavailable));
  });

  describe('SuccessorSealService.retryWithNewKeys', () => {
    const key = keyOf(3);
    const sealed = seal.seal.bind({ keys: { ring: { signing: key } } } as never)(
      successor,
      rotated,
    );
    const write = jest.fn(async () => seal.unseal(sealed, rotated));

    beforeEach(() => {
      known.length = 0;
      jest.clearAllMocks();
    });

    it('runs the write again with the loaded keys if the sealing key is unknown', async () => {
      reload.mockImplementationOnce(async () => void known.push(key));
      expect(await seal.retryWithNewKeys(write)).toBe(successor.signed);
      expect([write.mock.calls.length, reload.mock.calls.length]).toEqual([2, 1]);
    });

    it('fails with 503 if the sealing key is still unknown', async () => {
      const unavailable = {
        code: 'service_unavailable',
        headers: { 'retry-after': '1' },
        reason: `the key ${key.id}, which sealed the successor, is not configured`,
      };
      await expect(seal.retryWithNewKeys(write)).rejects.toMatchObject(unavailable);
      expect([write.mock.calls.length, reload.mock.calls.length]).toEqual([2, 1]);
    });

    it('runs the write once if it succeeds, or fails with another error', async () => {
      known.push(key);
      expect(await seal.retryWithNewKeys(write)).toBe(successor.signed);
      write.mockRejectedValueOnce(new Error('another'));
      await expect(seal.retryWithNewKeys(write)).rejects.toThrow('another');
      expect([write.mock.calls.length, reload.mock.calls.length]).toEqual([2, 0]);
    });
  });
});
