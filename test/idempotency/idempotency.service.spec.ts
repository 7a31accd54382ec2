import * as timers from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppConfig } from '../../src/config/app-config.js';
import type { Database } from '../../src/database/database.js';
import { ApiError, type ErrorKind } from '../../src/errors/api-error.js';
import { versionOf, withVersion } from '../../src/http/conditional/conditional-requests.js';
import { idempotencyInProgress } from '../../src/idempotency/idempotency-errors.js';
import type { KeyedRequest } from '../../src/idempotency/idempotency-key.decorator.js';
import type { IdempotencyRecord } from '../../src/idempotency/idempotency-record.entity.js';
import type { IdempotencyRecordRepository } from '../../src/idempotency/idempotency-record.repository.js';
import type {
  Creation,
  IdempotencyService as Service,
} from '../../src/idempotency/idempotency.service.js';
import type {
  PeriodicJob,
  PeriodicJobsService,
} from '../../src/scheduling/periodic-jobs.service.js';

/** Sleeps with the timers of Jest. Node warns of a negative delay, and waits for 1 ms. */
function sleep<T>(ms: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
  if (ms < 0) throw new RangeError('a negative delay');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(value as T), ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('aborted'));
    });
  });
}

jest.unstable_mockModule('node:timers/promises', () => ({ ...timers, setTimeout: sleep }));
const { IdempotencyService } = await import('../../src/idempotency/idempotency.service.js');

const NOW = Date.UTC(2026, 0, 1);
const refused: ErrorKind = { status: 409, code: 'crate_exists' };
const inProgress = { code: 'idempotency_in_progress' };
const reused = { code: 'idempotency_key_reused' };
const crate = { id: 7, label: 'Apples' };

interface Crate {
  id: number;
  label: string;
}

describe('IdempotencyService', () => {
  let stored: Map<string, IdempotencyRecord>;
  /** What happens, in its order. */
  let events: string[];
  let inWrite: boolean;
  /** Milliseconds that each of the next reads takes. */
  let readTimes: number[];
  let jobs: PeriodicJob[];
  let claim: jest.Mock<IdempotencyRecordRepository['claim']>;
  let removeAllExpired: jest.Mock<IdempotencyRecordRepository['removeAllExpired']>;
  let headers: jest.Mock;
  let service: Service;

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    stored = new Map();
    events = [];
    inWrite = false;
    readTimes = [];
    jobs = [];
    claim = jest.fn<IdempotencyRecordRepository['claim']>(async (given) => {
      const empty = { body: null, version: null, location: null, userId: null };
      stored.set(given.id, { ...given, ...empty });
    });
    removeAllExpired = jest.fn<IdempotencyRecordRepository['removeAllExpired']>();
    removeAllExpired.mockResolvedValue();
    headers = jest.fn();
    const visible = (record: IdempotencyRecord | undefined) =>
      record && record.body !== null && record.expiresAt > Date.now() ? record : undefined;
    const records: Partial<IdempotencyRecordRepository> = {
      find: async (id) => {
        const time = readTimes.shift();
        if (time !== undefined) await sleep(time);
        events.push('find');
        return visible(stored.get(id));
      },
      claim: async (given) => {
        events.push(`claim ${inWrite ? 'in the write' : 'alone'}`);
        await claim(given);
      },
      complete: async (id, answer) => {
        events.push(`complete ${inWrite ? 'in the write' : 'alone'}`);
        stored.set(id, { ...stored.get(id)!, ...answer });
      },
      removeExpired: async (id) => {
        events.push(`remove ${id} if expired`);
        if (!visible(stored.get(id))) stored.delete(id);
      },
      removeAllExpired,
    };
    const write = async <T>(work: (manager: never) => Promise<T>): Promise<T> => {
      inWrite = true;
      try {
        return await work(undefined as never);
      } finally {
        inWrite = false;
      }
    };
    const add: PeriodicJobsService['add'] = (job) => {
      jobs.push(job);
      return async () => undefined;
    };
    service = new IdempotencyService(
      { write } as Partial<Database> as Database,
      records as IdempotencyRecordRepository,
      { web: { idempotencyRetention: 60 } } as AppConfig,
      { add } as Partial<PeriodicJobsService> as PeriodicJobsService,
    );
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const requestOf = (given: Partial<KeyedRequest> = {}): KeyedRequest => ({
    ...{ id: 'key', caller: 'user 1', userId: 1, fingerprint: 'body' },
    request: {
      routeOptions: { url: '/api/crates' },
      server: { linkBase: () => 'https://api.example' },
    } as unknown as FastifyRequest,
    reply: { headers } as unknown as FastifyReply,
    ...given,
  });
  const write = jest.fn<() => Promise<Crate>>();
  beforeEach(() => {
    write.mockReset();
    write.mockImplementation(async () => {
      events.push(`write ${inWrite ? 'in the write' : 'alone'}`);
      return { ...crate };
    });
  });
  const once = (given: Partial<KeyedRequest> = {}) => service.once(requestOf(given), write);

  /** The result of a promise: its value, the code of its error, or `pending`. */
  const stateOf = (promise: Promise<unknown>) => {
    const state: { now: unknown } = { now: 'pending' };
    promise.then(
      (value) => (state.now = value),
      (error: unknown) => (state.now = error instanceof ApiError ? error.code : error),
    );
    return state;
  };
  const advance = (ms: number) => jest.advanceTimersByTimeAsync(ms);
  /** A promise that the test settles. */
  const pending = <T>() => {
    let settle!: { resolve: (value: T) => void; reject: (error: Error) => void };
    const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
    return { promise, ...settle };
  };

  describe('once', () => {
    it('creates a resource without a key, and stores nothing', async () => {
      expect(await service.once(null, write)).toEqual(crate);
      expect(await service.once(null, write)).toEqual(crate);
      expect(events).toEqual(['write alone', 'write alone']);
    });

    it('claims the key, creates the resource and stores the answer in one write', async () => {
      expect(await once()).toEqual(crate);
      expect(events).toEqual([
        ...['find', 'claim in the write', 'write in the write', 'complete in the write'],
      ]);
    });

    it('stores the answer with the user of the token until IDEMPOTENCY_RETENTION ends', async () => {
      await once();
      expect([...stored.values()]).toEqual([
        {
          ...{ id: 'key', caller: 'user 1', fingerprint: 'body', expiresAt: NOW + 60_000 },
          ...{ body: '{"id":7,"label":"Apples"}', version: null, userId: 1 },
          location: 'https://api.example/api/crates/7',
        },
      ]);
    });

    it('returns the stored answer of a repeated request, and creates nothing', async () => {
      await once();
      expect(headers).not.toHaveBeenCalled();
      const again = await once();
      expect([again, versionOf(again)]).toEqual([crate, undefined]);
      expect(write).toHaveBeenCalledTimes(1);
      expect(headers.mock.calls).toEqual([
        [{ 'idempotent-replayed': 'true', location: 'https://api.example/api/crates/7' }],
      ]);
    });

    it('returns the version of the first answer', async () => {
      write.mockResolvedValue(withVersion({ ...crate }, { version: 5 }));
      await once();
      expect(stored.get('key')?.version).toBe(5);
      expect(versionOf(await once())).toBe(5);
    });

    it('refuses a repeated key with another body with 422', async () => {
      await once();
      await expect(once({ fingerprint: 'other' })).rejects.toMatchObject(reused);
      expect(headers).not.toHaveBeenCalled();
      expect(write).toHaveBeenCalledTimes(1);
    });

    it('creates a resource for each key', async () => {
      await once();
      await once({ id: 'other key' });
      expect(write).toHaveBeenCalledTimes(2);
    });

    it('creates a resource again after its record has expired', async () => {
      await once();
      await advance(60_000);
      await once();
      expect(write).toHaveBeenCalledTimes(2);
    });

    it('stores no refusal, so that the request can be repeated', async () => {
      write.mockRejectedValueOnce(new ApiError(refused));
      await expect(once()).rejects.toMatchObject({ code: 'crate_exists' });
      expect(await once()).toEqual(crate);
      expect(headers).not.toHaveBeenCalled();
    });
  });

  describe('oncePrepared', () => {
    const confirm = jest.fn<Creation<string, Crate>['confirm']>();
    const userOf = jest.fn<Creation<string, Crate>['userOf']>();
    const writePrepared = jest.fn<Creation<string, Crate>['write']>();
    const prepare = async () => {
      events.push(`prepare ${inWrite ? 'in the write' : 'alone'}`);
      return 'hash';
    };
    const creation = { prepare, write: writePrepared, confirm, userOf };
    beforeEach(() => {
      confirm.mockReset().mockResolvedValue(true);
      userOf.mockReset().mockReturnValue(9);
      writePrepared.mockReset().mockImplementation(() => write());
    });

    it('prepares the resource before the write, which gets the result', async () => {
      expect(await service.oncePrepared(requestOf(), creation)).toEqual(crate);
      expect(events.slice(1, 3)).toEqual(['prepare alone', 'claim in the write']);
      expect(writePrepared.mock.calls).toEqual([['hash']]);
    });

    it('prepares the resource without a key, too', async () => {
      expect(await service.oncePrepared(null, creation)).toEqual(crate);
      expect(events).toEqual(['prepare alone', 'write alone']);
      expect(writePrepared.mock.calls).toEqual([['hash']]);
    });

    it('stores the answer with the user to whom it belongs', async () => {
      await service.oncePrepared(requestOf(), creation);
      expect(stored.get('key')?.userId).toBe(9);
      expect(userOf.mock.calls).toEqual([[crate]]);
    });

    it('shows a stored answer only to a request that is confirmed', async () => {
      await service.oncePrepared(requestOf(), creation);
      expect(confirm).not.toHaveBeenCalled();
      expect(await service.oncePrepared(requestOf(), creation)).toEqual(crate);
      expect(confirm.mock.calls).toEqual([[crate]]);
      confirm.mockResolvedValue(false);
      const again = service.oncePrepared(requestOf(), creation);
      await expect(again).rejects.toMatchObject(reused);
      expect(headers).toHaveBeenCalledTimes(1);
    });

    it('confirms no request with another body', async () => {
      await service.oncePrepared(requestOf(), creation);
      const other = service.oncePrepared(requestOf({ fingerprint: 'other' }), creation);
      await expect(other).rejects.toMatchObject(reused);
      expect(confirm).not.toHaveBeenCalled();
    });
  });

  describe('Concurrent requests of one process', () => {
    it('wait for the first one, and get its answer', async () => {
      const first = pending<Crate>();
      write.mockReturnValueOnce(first.promise);
      const states = [once(), once(), once()].map(stateOf);
      await advance(9_999);
      expect(states.map(({ now }) => now)).toEqual(['pending', 'pending', 'pending']);
      first.resolve(crate);
      await advance(0);
      expect(states.map(({ now }) => now)).toEqual([crate, crate, crate]);
      expect(write).toHaveBeenCalledTimes(1);
      expect(headers).toHaveBeenCalledTimes(2);
    });

    it('leave no timer behind', async () => {
      const first = pending<Crate>();
      write.mockReturnValueOnce(first.promise);
      const states = [once(), once()].map(stateOf);
      await advance(1);
      first.resolve(crate);
      await advance(0);
      expect(states.map(({ now }) => now)).toEqual([crate, crate]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('do not wait for a request with another key', async () => {
      write.mockReturnValueOnce(pending<Crate>().promise);
      const states = [once(), once({ id: 'other key' })].map(stateOf);
      await advance(0);
      expect(states.map(({ now }) => now)).toEqual(['pending', crate]);
    });

    it('create the resource themselves if the first one fails', async () => {
      const first = pending<Crate>();
      write.mockReturnValueOnce(first.promise);
      const states = [once(), once(), once()].map(stateOf);
      await advance(0);
      const error = new Error('the disk is broken');
      first.reject(error);
      await advance(0);
      expect(states.map(({ now }) => now)).toEqual([error, crate, crate]);
      expect(write).toHaveBeenCalledTimes(2);
      expect(headers).toHaveBeenCalledTimes(1);
    });

    it('are refused with 409 after 10 seconds', async () => {
      const first = pending<Crate>();
      write.mockReturnValueOnce(first.promise);
      const states = [once(), once()].map(stateOf);
      await advance(9_999);
      expect(states[1]!.now).toBe('pending');
      await advance(1);
      expect(states.map(({ now }) => now)).toEqual(['pending', 'idempotency_in_progress']);
      first.resolve(crate);
      await advance(0);
      expect(states[0]!.now).toEqual(crate);
    });

    it('are refused at once if their time has passed while they read', async () => {
      const [first, second] = [pending<Crate>(), pending<Crate>()];
      write.mockReturnValueOnce(first.promise).mockReturnValueOnce(second.promise);
      const states = [once(), once()].map(stateOf);
      await advance(5_000);
      states.push(stateOf(once()));
      await advance(4_990);
      // The second request reads for longer than the third, which becomes the first one.
      readTimes = [30, 20];
      first.reject(new Error('the disk is broken'));
      await advance(29);
      expect(states.map(({ now }) => now).slice(1)).toEqual(['pending', 'pending']);
      await advance(2);
      expect(states.map(({ now }) => now).slice(1)).toEqual(['idempotency_in_progress', 'pending']);
      second.resolve(crate);
      await advance(0);
      expect(states[2]!.now).toEqual(crate);
    });
  });

  describe('A request that another instance runs', () => {
    const record = (): IdempotencyRecord => ({
      ...{ id: 'key', caller: 'user 1', fingerprint: 'body', expiresAt: NOW + 60_000 },
      ...{ body: '{"id":8}', version: null, userId: 1, location: '/api/crates/8' },
    });
    /** Lets each claim wait for that of the other instance, and fail. */
    const claimsTake = (ms: number) => {
      claim.mockImplementation(async () => {
        await sleep(ms);
        throw new ApiError(idempotencyInProgress);
      });
    };

    it.each([4_000, 5_600, 5_799])(
      'is refused after exactly 10 seconds if each claim takes %d ms',
      async (ms) => {
        claimsTake(ms);
        const state = stateOf(once());
        await advance(9_999);
        expect(state.now).toBe('pending');
        await advance(1);
        expect(state.now).toBe('idempotency_in_progress');
      },
    );

    it.each([
      ['again with more than 4.5 seconds left', 5_499, 2],
      ['only once with 4.5 seconds left', 5_500, 1],
    ])('is claimed %s', async (_, ms, claims) => {
      claimsTake(ms);
      const state = stateOf(once());
      await advance(20_000);
      expect([state.now, claim.mock.calls.length]).toEqual(['idempotency_in_progress', claims]);
    });

    it('is answered when the other instance has stored its answer', async () => {
      claimsTake(5_500);
      const state = stateOf(once());
      await advance(5_501);
      stored.set('key', record());
      await advance(198);
      expect(state.now).toBe('pending');
      await advance(1);
      expect(state.now).toEqual({ id: 8 });
      expect(write).not.toHaveBeenCalled();
      expect(headers).toHaveBeenCalledTimes(1);
    });

    it('is answered even if this instance was refused for another reason meanwhile', async () => {
      write.mockImplementationOnce(async () => {
        stored.set('key', record());
        throw new ApiError(refused);
      });
      expect(await once()).toEqual({ id: 8 });
    });

    it('runs here if the other instance has failed', async () => {
      claim.mockRejectedValueOnce(new ApiError(idempotencyInProgress));
      expect(await once()).toEqual(crate);
      expect(headers).not.toHaveBeenCalled();
    });

    it('runs here after an expired record of the same key is removed', async () => {
      stored.set('key', { ...record(), expiresAt: NOW });
      claim.mockImplementation(async (given) => {
        if (stored.has(given.id)) throw new ApiError(idempotencyInProgress);
        stored.set(given.id, { ...record(), ...given, body: null });
      });
      expect(await once()).toEqual(crate);
      expect(events.filter((event) => event.startsWith('remove'))).toEqual([
        'remove key if expired',
      ]);
    });
  });

  it('does not look for another request after an error of the database', async () => {
    const error = new Error('the disk is broken');
    write.mockRejectedValueOnce(error);
    await expect(once()).rejects.toBe(error);
    expect(events.filter((event) => event === 'find')).toHaveLength(1);
  });

  it('throws its own error if no other request has the same key', async () => {
    const error = new ApiError(refused);
    write.mockRejectedValueOnce(error);
    await expect(once()).rejects.toBe(error);
    expect(events).not.toContain('remove key if expired');
  });

  it('throws the refusal of the claim at the deadline', async () => {
    const error = new ApiError(idempotencyInProgress, { cause: 'the claim' });
    claim.mockImplementation(async () => {
      await sleep(11_000);
      throw error;
    });
    const result = once().catch((thrown: unknown) => thrown);
    await advance(11_000);
    expect(await result).toBe(error);
    expect(error).toMatchObject(inProgress);
  });

  it('removes expired records every 15 minutes, until the service stops', async () => {
    expect(jobs).toMatchObject([
      { name: 'remove expired idempotency records', interval: 15 * 60_000 },
    ]);
    const { signal } = new AbortController();
    await jobs[0]!.run(signal);
    expect(removeAllExpired.mock.calls).toEqual([[signal]]);
  });
});
