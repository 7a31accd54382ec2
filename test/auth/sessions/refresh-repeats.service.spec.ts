import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../../src/audit/audit.service.js';
import type { ApiError } from '../../../src/errors/api-error.js';
import { AppConfig } from '../../../src/config/app-config.js';
import type { Client } from '../../../src/http/client.js';
import { digestOf } from '../../../src/sessions/sealed-token.js';
import { newSession, type SessionRepository } from '../../../src/sessions/session.repository.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import type { SuccessorSealService } from '../../../src/sessions/successor-seal.service.js';
import type { TokenService } from '../../../src/tokens/token.service.js';
import { type Claims, Token, type UnverifiedToken } from '../../../src/tokens/token.js';
import {
  rangeOf,
  RefreshRepeatsService,
} from '../../../src/auth/sessions/refresh-repeats.service.js';

const NOW = 1_700_000_000_000;
const GRACE = 30_000;
const token = new Token('rotated', { alg: 'HS256' }, { jti: 'rotated', sid: 'sid' } as Claims);
const header = { alg: 'HS256' };
const claims = { jti: 'successor', sid: 'sid' };

const firefox: Client = { ip: '192.0.2.7', agent: 'Firefox' };
/** The same browser from another network. */
const moved: Client = { ...firefox, ip: '198.51.100.7' };

describe('RefreshRepeatsService', () => {
  let session: Session;
  const lockActive = jest.fn<SessionRepository['lockActive']>();
  const end = jest.fn<SessionRepository['end']>();
  const recordRepeat = jest.fn<SessionRepository['recordRepeat']>();
  const unseal = jest.fn<SuccessorSealService['unseal']>();
  const record = jest.fn<AuditService['record']>();
  const repeats = new RefreshRepeatsService(
    {
      decode: (signed: string) => ({ signed, header, claims }) as unknown as UnverifiedToken,
    } as TokenService,
    { lockActive, end, recordRepeat } as unknown as SessionRepository,
    { unseal } as unknown as SuccessorSealService,
    { record } as unknown as AuditService,
    AppConfig.from({ REFRESH_GRACE: `${GRACE / 1000}s` }),
  );

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    const expiresAt = NOW + 60_000;
    session = {
      ...newSession({ subject: '1', createdAt: NOW, expiresAt, agent: null, ip: null }),
      id: 'sid',
      rotatedToken: digestOf(token),
      rotatedAt: NOW - 1000,
      successor: 'sealed',
      rotatedByRange: '192.0.2',
      rotatedByAgent: 'Firefox',
    };
    lockActive.mockImplementation(() => Promise.resolve(session));
    end.mockResolvedValue(true);
    unseal.mockReturnValue('signed successor');
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.resetAllMocks();
  });

  const answer = (client = firefox) => repeats.answer(token, 'sid', { userId: 1, client });
  /** Repeats the token, and stores what was recorded in the session. */
  const repeatFrom = async (client: Client) => {
    const result = await answer(client);
    const [, noted] = recordRepeat.mock.lastCall!;
    Object.assign(session, noted);
    return result;
  };
  const expectTheft = async (client = firefox) => {
    expect(await answer(client)).toBe('reused');
    expect(end.mock.calls).toEqual([['sid']]);
    expect(record.mock.calls).toEqual([
      ['refresh_reused', { userId: 1, client, sessionId: 'sid' }],
    ]);
    expect(recordRepeat).not.toHaveBeenCalled();
  };

  it('returns the successor to the network that rotated the token', async () => {
    expect(await answer()).toEqual(new Token('signed successor', header as never, claims as never));
    expect(lockActive).toHaveBeenCalledWith('sid');
    expect(unseal.mock.calls).toEqual([['sealed', token]]);
    expect(end).not.toHaveBeenCalled();
  });

  it('counts a repeat, and records it in the audit trail', async () => {
    await answer();
    expect(recordRepeat.mock.calls).toEqual([
      [
        'sid',
        {
          repeats: 1,
          repeatedElsewhere: false,
          repeatedBy: [expect.stringMatching(/^[\w-]{16}$/)],
        },
      ],
    ]);
    expect(record.mock.calls).toEqual([
      ['refresh_repeated', { userId: 1, sessionId: 'sid', client: firefox }],
    ]);
  });

  it('records nothing if the session has ended', async () => {
    lockActive.mockResolvedValue(undefined);
    expect(await answer()).toBe('ended');
    expect(end).not.toHaveBeenCalled();
    expect(record).not.toHaveBeenCalled();
  });

  it('ends the session if another token was rotated since', async () => {
    session.rotatedToken = 'another';
    await expectTheft();
  });

  it('accepts a clock that is ahead by the leeway, and by no more', async () => {
    session.rotatedAt = NOW + 5_000;
    expect(await answer()).toBeInstanceOf(Token);
    recordRepeat.mockClear();
    record.mockClear();
    session.rotatedAt = NOW + 5_001;
    await expectTheft();
  });

  it('ends the session as soon as the grace period is over', async () => {
    session.rotatedAt = NOW - GRACE + 1;
    expect(await answer()).toBeInstanceOf(Token);
    recordRepeat.mockClear();
    record.mockClear();
    session.rotatedAt = NOW - GRACE;
    await expectTheft();
  });

  it('ends the session if the time of the rotation is unknown', async () => {
    session.rotatedAt = null;
    await expectTheft();
  });

  it('ends the session if the successor was sealed with another token', async () => {
    unseal.mockReturnValue(null);
    await expectTheft();
  });

  it('records no theft if the session ended concurrently', async () => {
    session.rotatedToken = 'another';
    end.mockResolvedValue(false);
    expect(await answer()).toBe('ended');
    expect(record).not.toHaveBeenCalled();
  });

  it('refuses a repeat with 503, and ends no session, if the successor was erased', async () => {
    session.successor = null;
    await expect(answer(moved)).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(end).not.toHaveBeenCalled();
  });

  it('refuses a repeat with 429 after fifty, and ends no session', async () => {
    session.repeats = 49;
    await repeatFrom(firefox);
    expect(session.repeats).toBe(50);
    const error = await answer().catch((thrown: unknown) => thrown as ApiError);
    expect(error).toMatchObject({
      body: { code: 'too_many_requests', message: 'Use the refresh token of an earlier answer.' },
      headers: { 'retry-after': '1' },
      reason: 'a rotated refresh token was repeated too often',
    });
    expect(end).not.toHaveBeenCalled();
  });

  it('returns the successor to another user agent in the same network', async () => {
    await repeatFrom({ ip: '192.0.2.200', agent: 'curl' });
    expect(session.repeatedElsewhere).toBe(false);
  });

  it('returns the successor once to one other network with the same user agent', async () => {
    expect(await repeatFrom(moved)).toBeInstanceOf(Token);
    expect(session.repeatedElsewhere).toBe(true);
    expect(await repeatFrom(firefox)).toBeInstanceOf(Token);
    expect(session.repeatedElsewhere).toBe(true);
    recordRepeat.mockClear();
    record.mockClear();
    await expectTheft(moved);
  });

  it.each<[string, string | null, Client]>([
    ['another user agent', 'Firefox', { ...moved, agent: 'curl' }],
    ['no user agent, like the first request', null, { ...moved, agent: null }],
    ['an empty user agent, like the first request', '', { ...moved, agent: '' }],
  ])(
    'ends the session for a repeat from another network with %s',
    async (_, rotatedByAgent, client) => {
      session.rotatedByAgent = rotatedByAgent;
      await expectTheft(client);
    },
  );

  it('ends the session for a repeat from an unknown network, even if the token was rotated from one', async () => {
    session.rotatedByRange = null;
    await expectTheft({ ip: null, agent: 'curl' });
  });

  it('records a repeat once for each network and user agent', async () => {
    const curl = { ...firefox, agent: 'curl' };
    for (const client of [firefox, curl, { ...firefox, ip: '192.0.2.8' }, moved, curl, firefox]) {
      await repeatFrom(client);
    }
    expect(record.mock.calls.map(([, { client }]) => client)).toEqual([firefox, curl, moved]);
    expect(session.repeatedBy).toHaveLength(3);
    expect(new Set(session.repeatedBy).size).toBe(3);
    expect(session.repeats).toBe(6);
  });
});

describe('rangeOf', () => {
  it('returns the network of an address, and null for an unknown address', () => {
    expect(rangeOf(firefox)).toBe('192.0.2');
    expect(rangeOf({ ip: null, agent: null })).toBeNull();
  });
});
