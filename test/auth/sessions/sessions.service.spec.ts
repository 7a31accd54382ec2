import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../../src/audit/audit.service.js';
import { ApiError, notFound } from '../../../src/errors/api-error.js';
import type { Database } from '../../../src/database/database.js';
import {
  WRITE_BATCH,
  type WriteBatchesService,
} from '../../../src/database/write-batches.service.js';
import type { SessionBatchesService } from '../../../src/sessions/session-batches.service.js';
import type { SessionRepository } from '../../../src/sessions/session.repository.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import type { TokenService } from '../../../src/tokens/token.service.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import type { UsersService } from '../../../src/users/users.service.js';
import { SessionsService } from '../../../src/auth/sessions/sessions.service.js';

const token = new Token('a', { alg: 'HS256' }, { sub: '7', jti: 'jti', sid: 'sid' } as Claims);
const bare = new Token('a', { alg: 'HS256' }, { sub: '7', jti: 'jti' } as Claims);
const client = { ip: '192.0.2.7', agent: 'Firefox' };

describe('SessionsService', () => {
  /** The calls in their order; calls within a write are indented. */
  let calls: string[];
  let record: jest.Mock<AuditService['record']>;
  let requireActiveSession: jest.Mock<UsersService['requireActiveSession']>;
  let isActive: boolean;
  /** Whether the read before the write finds a session. */
  let isFound: boolean;
  let batchSizes: number[];
  let run: jest.Mock<WriteBatchesService['run']>;
  let listActive: jest.Mock<SessionRepository['listActive']>;
  let service: SessionsService;

  beforeEach(() => {
    calls = [];
    isActive = true;
    isFound = true;
    batchSizes = [];
    let isWriting = false;
    const note = (text: string) => void calls.push(isWriting ? `  ${text}` : text);
    record = jest.fn<AuditService['record']>().mockImplementation((event) => {
      note(`record ${event}`);
      return Promise.resolve();
    });
    requireActiveSession = jest
      .fn<UsersService['requireActiveSession']>()
      .mockImplementation(() => {
        note('confirm the caller');
        return Promise.resolve(undefined as never);
      });
    run = jest.fn<WriteBatchesService['run']>().mockImplementation(async (_, write) => {
      while (await write());
    });
    listActive = jest.fn<SessionRepository['listActive']>();
    const sessions = {
      listActive,
      hasActive: (...[subject, id]: string[]) => (
        note(`look for ${subject} ${id}`),
        Promise.resolve(isFound)
      ),
      hasOthers: (...[subject, except]: string[]) => (
        note(`look for ${subject} but ${except}`),
        Promise.resolve(isFound)
      ),
      end: (id: string) => (note(`end ${id}`), Promise.resolve(isActive)),
      endOf: (...[subject, id]: string[]) => (
        note(`end ${subject} ${id}`),
        Promise.resolve(isActive)
      ),
    };
    const sessionBatches = {
      endBatch: (subject: string, except: string | null) => {
        note(`end a batch of ${subject} but ${except}`);
        return Promise.resolve(batchSizes.shift() ?? 0);
      },
    };
    const database = {
      write: async (work: () => Promise<unknown>) => {
        note('write');
        isWriting = true;
        return work().finally(() => (isWriting = false));
      },
    };
    service = new SessionsService(
      sessions as unknown as SessionRepository,
      sessionBatches as unknown as SessionBatchesService,
      {
        revoke: ({ id }: Token) => (note(`revoke ${id}`), Promise.resolve()),
      } as unknown as TokenService,
      { requireActiveSession } as unknown as UsersService,
      { record } as unknown as AuditService,
      database as unknown as Database,
      { run } as unknown as WriteBatchesService,
    );
  });

  const about = { userId: 7, token, client };

  it('lists the sessions of the subject of the token', async () => {
    const caller = { group: 'user 7' };
    listActive.mockResolvedValue([{ id: 'sid' } as Session]);
    expect(await service.list(token, caller)).toEqual([{ id: 'sid' }]);
    expect(listActive).toHaveBeenCalledWith('7', caller);
  });

  describe('logout', () => {
    it('revokes only the sent token, and records it in the same write', async () => {
      await service.logout(token, client);
      expect(calls).toEqual(['write', '  revoke jti', '  record logout']);
      expect(record).toHaveBeenCalledWith('logout', about);
    });
  });

  describe('endCurrent', () => {
    it('ends the session of the token, and records it in the same write', async () => {
      await service.endCurrent(token, client);
      expect(calls).toEqual(['write', '  end sid', '  record session_ended']);
      expect(record).toHaveBeenCalledWith('session_ended', about);
    });

    it('records nothing if the session of the token has ended already', async () => {
      isActive = false;
      await service.endCurrent(token, client);
      expect(calls).toEqual(['write', '  end sid']);
    });

    it('revokes a token that has no session', async () => {
      await service.endCurrent(bare, client);
      expect(calls).toEqual(['write', '  revoke jti', '  record session_ended']);
    });
  });

  describe('end', () => {
    it('ends a session of the subject, and records it in the same write', async () => {
      await service.end(token, 'other', client);
      expect(calls).toEqual([
        ...['look for 7 other', 'write'],
        ...['  confirm the caller', '  end 7 other', '  record session_ended'],
      ]);
      expect(requireActiveSession).toHaveBeenCalledWith(token);
      expect(record).toHaveBeenCalledWith('session_ended', { ...about, sessionId: 'other' });
    });

    it('opens no write for a session that does not exist', async () => {
      isFound = false;
      const found = service.end(token, 'other', client);
      await expect(found).rejects.toEqual(new ApiError(notFound));
      expect(calls).toEqual(['look for 7 other']);
    });

    it('does not search for the session of the caller, which the write confirms', async () => {
      await service.end(token, 'sid', client);
      expect(calls[0]).toBe('write');
    });

    it('does not find a session that has ended or belongs to another user', async () => {
      isActive = false;
      const found = service.end(token, 'other', client);
      await expect(found).rejects.toEqual(new ApiError(notFound));
      expect(record).not.toHaveBeenCalled();
    });

    it('ends no session if that of the caller has ended', async () => {
      requireActiveSession.mockRejectedValue(new Error('ended'));
      await expect(service.end(token, 'other', client)).rejects.toThrow('ended');
      expect(calls).toEqual(['look for 7 other', 'write']);
    });
  });

  describe('endOthers', () => {
    const look = 'look for 7 but sid';
    const batch = ['write', '  confirm the caller', '  end a batch of 7 but sid'];

    it('opens no write if the subject has no other session', async () => {
      isFound = false;
      await service.endOthers(token, client);
      expect(calls).toEqual([look]);
    });

    it('ends and records one batch of sessions in one write', async () => {
      batchSizes = [WRITE_BATCH - 1, 1];
      await service.endOthers(token, client);
      expect(calls).toEqual([look, ...batch, '  record other_sessions_ended']);
      expect(requireActiveSession).toHaveBeenCalledWith(token);
      expect(record).toHaveBeenCalledWith('other_sessions_ended', about);
      expect(run).not.toHaveBeenCalled();
    });

    it('queues further batches until one is not full, and records them once', async () => {
      batchSizes = [WRITE_BATCH, WRITE_BATCH, 1, 1];
      await service.endOthers(token, client);
      expect(calls).toEqual([look, ...batch, '  record other_sessions_ended', ...batch, ...batch]);
      const owner = { group: 'subject 7', key: 'session sid' };
      expect(run.mock.calls).toEqual([[owner, expect.any(Function)]]);
    });

    it('records nothing if it ends no other session', async () => {
      batchSizes = [0];
      await service.endOthers(token, client);
      expect(calls).toEqual([look, ...batch]);
    });

    it('records a single other session that it ends', async () => {
      batchSizes = [1];
      await service.endOthers(token, client);
      expect(record).toHaveBeenCalledTimes(1);
    });

    it('records a batch again if its first write was rolled back', async () => {
      batchSizes = [WRITE_BATCH, 1];
      record.mockRejectedValueOnce(new Error('undone'));
      await expect(service.endOthers(token, client)).rejects.toThrow('undone');
      await service.endOthers(token, client);
      expect(record).toHaveBeenCalledTimes(2);
    });

    it('ends no other sessions if that of the caller has ended', async () => {
      requireActiveSession.mockRejectedValue(new Error('ended'));
      await expect(service.endOthers(token, client)).rejects.toThrow('ended');
      expect(calls).toEqual([look, 'write']);
    });
  });
});
