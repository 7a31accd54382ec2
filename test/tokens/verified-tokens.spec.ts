import { describe, expect, it } from '@jest/globals';
import type { KeyRing } from '../../src/keys/key-ring.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import { VerifiedTokens } from '../../src/tokens/verified-tokens.js';

const ring = {} as KeyRing;
const tokenOf = (signed: string) => new Token(signed, { alg: 'HS256' }, { sub: '1' } as Claims);

describe('VerifiedTokens', () => {
  it('remembers the 10,000 tokens that were used last', () => {
    const verified = new VerifiedTokens();
    for (let n = 0; n < 10_000; n++) verified.add(tokenOf(`t${n}`), ring);
    expect(verified.get('t0', ring)?.signed).toBe('t0');
    verified.add(tokenOf('one more'), ring);
    expect(verified.get('t0', ring)).toBeDefined();
    expect(verified.get('t1', ring)).toBeUndefined();
    expect(verified.get('t2', ring)).toBeDefined();
  });

  it('freezes the claims at every depth, because requests share them', () => {
    const token = new Token('t', { alg: 'HS256' }, { sub: '1', team: { lead: [{}] } } as never);
    new VerifiedTokens().add(token, ring);
    const { team } = token.claims as unknown as { team: { lead: [object] } };
    const objects = [token, token.claims, team, team.lead, team.lead[0]];
    expect(objects.map(Object.isFrozen)).toEqual([true, true, true, true, true]);
  });

  it('remembers tokens of at most 8 Mi characters', () => {
    const verified = new VerifiedTokens();
    const long = (n: number) => `${n} ${'x'.repeat(2 ** 20)}`;
    for (let n = 0; n < 9; n++) verified.add(tokenOf(long(n)), ring);
    const known = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((n) => verified.get(long(n), ring));
    expect(known).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it('forgets all tokens when the keys change, even if the earlier keys return', () => {
    const verified = new VerifiedTokens();
    const other = {} as KeyRing;
    verified.add(tokenOf('t'), ring);
    expect(verified.get('t', other)).toBeUndefined();
    verified.add(tokenOf('u'), other);
    expect(verified.get('t', other)).toBeUndefined();
    expect(verified.get('t', ring)).toBeUndefined();
  });
});
