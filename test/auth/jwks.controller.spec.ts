import type { FastifyReply } from 'fastify';
import { describe, expect, it, jest } from '@jest/globals';
import { JwksController } from '../../src/auth/jwks.controller.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';

describe('JwksController', () => {
  it('returns the current public keys, which clients may cache for five minutes', () => {
    const publicKeys = [{ kid: 'kid', use: 'sig' }];
    const header = jest.fn();
    const keys = { ring: { publicKeys } } as unknown as TokenKeys;
    const answer = new JwksController(keys).list({ header } as unknown as FastifyReply);
    expect(answer).toEqual({ keys: publicKeys });
    expect(header.mock.calls).toEqual([['cache-control', 'public, max-age=300']]);
  });
});
