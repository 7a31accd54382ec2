import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { openSqlite } from '../../support/sqlite.js';
import { ApiError } from '../../../src/errors/api-error.js';
import { SecurityEventsService } from '../../../src/logging/security-events.service.js';
import type { Database } from '../../../src/database/database.js';
import type { Select } from '../../../src/database/select.js';
import type { SessionRepository } from '../../../src/sessions/session.repository.js';
import type { BeforeHash } from '../../../src/passwords/password-hasher.js';
import type { UsersService } from '../../../src/users/users.service.js';
import { LoginFailure } from '../../../src/auth/throttle/login-failure.entity.js';
import { PeriodicJobsService } from '../../../src/scheduling/periodic-jobs.service.js';
import { LoginThrottleService } from '../../../src/auth/throttle/login-throttle.service.js';

// Fails soon if an attempt never leaves the queue.
jest.setTimeout(5000);

const HOUR = 3600_000;
const START = Date.UTC(2026, 0, 1);
const home = { ip: '203.0.113.7', agent: null };
/** @returns an address for each number, each in its own range */
const elsewhere = (i: number) => ({ ip: `10.${i >> 8}.${i & 255}.1`, agent: null });

describe('LoginThrottleService', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let now: number;
  let addresses: string[];
  let addressesOf: jest.Mock<SessionRepository['addressesOf']>;
  let events: SecurityEventsService;
  let warn: jest.Spied<SecurityEventsService['warn']>;
  let throttle: LoginThrottleService;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
  });
  afterAll(() => drop());
  beforeEach(async () => {
    now = START;
    addresses = [];
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    await database.write((manager) => manager.clear(LoginFailure));
    addressesOf = jest.fn<SessionRepository['addressesOf']>(async () => addresses);
    events = new SecurityEventsService();
    warn = jest.spyOn(events, 'warn').mockImplementation(() => undefined);
    jobs = new PeriodicJobsService();
    throttle = newThrottle();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  let jobs: PeriodicJobsService;
  const newThrottle = () =>
    new LoginThrottleService(
      database,
      { idOf: async (name) => (name === 'leia' ? 7 : null) } as Partial<UsersService> as never,
      { addressesOf } as Partial<SessionRepository> as SessionRepository,
      events,
      jobs,
    );

  interface Options {
    from?: { ip: string | null; agent: null; requestId?: string };
    name?: string;
    isKnown?: boolean;
    queued?: boolean;
    onFailure?: () => Promise<void>;
    beforeVerify?: () => Promise<void>;
    onSuccess?: () => Promise<void>;
  }
  const attemptOf =
    ({ from = home, name = 'leia', ...options }: Options) =>
    (verify: (beforeHash: BeforeHash) => Promise<boolean>) =>
      throttle.attempt(name, from, verify, { onFailure: async () => undefined, ...options });
  /** @returns whether the password was right, or the seconds of `Retry-After` */
  const tryTo = async (isRight: boolean, options: Options = {}): Promise<boolean | number> => {
    try {
      return await attemptOf(options)(async (beforeHash) => {
        await beforeHash(options.queued ?? false);
        return isRight;
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'too_many_requests') throw error;
      return Number(error.headers['retry-after']);
    }
  };
  const fail = async (times: number, options: Options = {}) => {
    for (let i = 0; i < times; i++) expect(await tryTo(false, options)).toBe(false);
  };
  const failElsewhere = async (times: number) => {
    const failures = Array.from({ length: times }, (_, i) => fail(1, { from: elsewhere(i) }));
    await Promise.all(failures);
  };
  const rows = () => database.write((manager) => manager.find(LoginFailure));
  const counts = async () => (await rows()).map(({ count }) => count).sort((a, b) => a - b);

  describe('Failures from one address range', () => {
    it('delays an account by 15 seconds after five failures, and twice as long after each further one', async () => {
      await fail(5);
      const delays = [];
      for (let i = 0; i < 9; i++) {
        const delay = Number(await tryTo(true));
        delays.push(delay);
        now += delay * 1000 - 1;
        expect(await tryTo(true)).toBe(1);
        now += 1;
        await fail(1);
      }
      expect(delays).toEqual([15, 30, 60, 120, 240, 480, 900, 900, 900]);
    });

    it('delays an account by 15 minutes, however many attempts have failed', async () => {
      await fail(1);
      await database.write((manager) =>
        manager.update(LoginFailure, { count: 1 }, { count: 2000 }),
      );
      expect(await tryTo(true)).toBe(900);
    });

    it('delays the whole address range, and no other', async () => {
      await fail(5);
      expect(await tryTo(true, { from: { ...home, ip: '203.0.113.99' } })).toBe(15);
      expect(await tryTo(true, { from: elsewhere(1) })).toBe(true);
    });

    it('delays no other account from the same range', async () => {
      await fail(5);
      expect(await tryTo(true, { name: 'luke' })).toBe(true);
      await fail(4, { name: 'luke' });
    });

    it('delays an unknown name as well', async () => {
      await fail(5, { name: 'unknown-name' });
      expect(await tryTo(true, { name: 'unknown-name' })).toBe(15);
    });

    it('counts two Unicode spellings of one name together', async () => {
      await fail(5, { name: 'Ame\u0301lie' });
      expect(await tryTo(true, { name: 'Am\u00e9lie' })).toBe(15);
    });

    it('counts attempts without an address together', async () => {
      await fail(5, { from: { ip: null, agent: null } });
      expect(await tryTo(true, { from: { ip: null, agent: null } })).toBe(15);
    });

    it('restarts the count after a correct password', async () => {
      await fail(4);
      expect(await tryTo(true)).toBe(true);
      await fail(5);
      expect(await tryTo(true)).toBe(15);
    });

    it('resets even a single failure after a correct password', async () => {
      await fail(1);
      await tryTo(true);
      expect(await counts()).toEqual([0]);
    });

    it('writes nothing for a correct password without earlier failures', async () => {
      const write = jest.spyOn(database, 'write');
      expect(await tryTo(true)).toBe(true);
      expect(write).not.toHaveBeenCalled();
    });

    it('delays also a user who is known by a token', async () => {
      await fail(5, { isKnown: true });
      expect(await tryTo(true, { isKnown: true })).toBe(15);
    });
  });

  describe('Failures from many address ranges', () => {
    it('delays an account from every range after fifty failures', async () => {
      await failElsewhere(49);
      expect(await tryTo(true)).toBe(true);
      await fail(1);
      expect(await tryTo(true)).toBe(15);
      expect(await tryTo(true, { name: 'luke' })).toBe(true);
      now += 15_000;
      expect(await tryTo(true)).toBe(true);
    });

    it('applies the longer of two delays', async () => {
      await failElsewhere(44);
      await fail(5);
      now += 15_000;
      await fail(1);
      expect(await tryTo(true)).toBe(30);
      now += 30_000;
      await failElsewhere(1);
      now += 30_000;
      await failElsewhere(1);
      expect(await tryTo(true)).toBe(60);
    });

    it('lets the owner log in from a range in which a session was opened', async () => {
      await failElsewhere(50);
      addresses = ['198.51.100.1', '203.0.113.99'];
      expect(await tryTo(true)).toBe(true);
      expect(addressesOf.mock.calls).toEqual([['7']]);
      addresses = ['198.51.100.1'];
      expect(await tryTo(true)).toBe(15);
    });

    it('reads no sessions while no delay is due', async () => {
      await failElsewhere(49);
      await tryTo(true);
      expect(addressesOf).not.toHaveBeenCalled();
      await fail(1);
      now += 15_000;
      await tryTo(true);
      expect(addressesOf).not.toHaveBeenCalled();
    });

    it('does not delay a user who has sent a token, whatever the other ranges', async () => {
      await failElsewhere(50);
      expect(await tryTo(true, { isKnown: true })).toBe(true);
    });

    it('subtracts the failures of a range after a correct password from there', async () => {
      await failElsewhere(46);
      await fail(4);
      now += 15_000;
      expect(await tryTo(true)).toBe(true);
      expect((await counts()).at(-1)).toBe(46);
      expect(await counts()).toHaveLength(47);
      await fail(3);
      expect(await tryTo(true)).toBe(true);
    });

    it('subtracts failures once if two correct passwords arrive concurrently', async () => {
      await failElsewhere(10);
      await fail(2);
      expect(await Promise.all([tryTo(true), tryTo(true)])).toEqual([true, true]);
      expect((await counts()).at(-1)).toBe(10);
    });
  });

  it('subtracts no failures if another instance removed them first', async () => {
    await fail(2);
    const decrement = jest.fn();
    const manager = {
      findOneBy: async () => ({ count: 2 }),
      delete: async () => ({ affected: 0 }),
      decrement,
    };
    jest.spyOn(database, 'write').mockImplementationOnce(async (work) => work(manager as never));
    expect(await tryTo(true)).toBe(true);
    expect(decrement).not.toHaveBeenCalled();
  });

  describe('attempt', () => {
    it('checks the delay again after an attempt was queued', async () => {
      const attempt = attemptOf({});
      const outcome = attempt(async (beforeHash) => {
        await failElsewhere(50);
        await beforeHash(true);
        return true;
      });
      await expect(outcome).rejects.toMatchObject({ code: 'too_many_requests' });
      now += 15_000;
      const later = attempt(async (beforeHash) => {
        await failElsewhere(1);
        await beforeHash(false);
        return true;
      });
      expect(await later).toBe(true);
    });

    it('runs beforeVerify before each verification', async () => {
      const refusal = new Error('refused');
      const beforeVerify = async () => Promise.reject(refusal);
      await expect(tryTo(true, { beforeVerify })).rejects.toBe(refusal);
    });

    it('calls onSuccess for a correct password only', async () => {
      const onSuccess = jest.fn(async () => undefined);
      await tryTo(false, { onSuccess });
      expect(onSuccess).not.toHaveBeenCalled();
      await tryTo(true, { onSuccess });
      expect(onSuccess).toHaveBeenCalledTimes(1);
    });

    it('counts no failure if onFailure fails', async () => {
      const onFailure = async () => Promise.reject(new Error('not recorded'));
      await expect(tryTo(false, { onFailure })).rejects.toThrow('not recorded');
      expect(await counts()).toEqual([]);
    });

    it('calls onFailure for a wrong password only', async () => {
      const onFailure = jest.fn(async () => undefined);
      await tryTo(true, { onFailure });
      expect(onFailure).not.toHaveBeenCalled();
      await tryTo(false, { onFailure });
      expect(onFailure).toHaveBeenCalledTimes(1);
    });

    it('reads no failures of another account', async () => {
      await fail(2, { name: 'luke' });
      const select = jest.spyOn(database, 'select');
      throttle = newThrottle();
      const all = jest.spyOn(select.mock.results[0]?.value as Select<LoginFailure, never>, 'all');
      await fail(1);
      await fail(1);
      const read = await Promise.all(
        all.mock.results.map(({ value }) => value as Promise<unknown[]>),
      );
      expect(read.map(({ length }) => length)).toEqual([0, 2]);
    });

    it('stores digests instead of names and addresses', async () => {
      await fail(1);
      const found = await rows();
      expect(found).toHaveLength(2);
      for (const { key } of found) expect(key).toMatch(/^[\w-]{43}$/);
    });
  });

  describe('Concurrent attempts', () => {
    /** Begins an attempt whose verification ends when `end` is called. */
    const begin = (options: Options = {}) => {
      let end!: (isRight: boolean) => void;
      const state = { verifying: false };
      const password = new Promise<boolean>((resolve) => (end = resolve));
      const outcome = attemptOf(options)(async () => {
        state.verifying = true;
        return password;
      }).catch((error: ApiError) => error.code);
      return { state, end, outcome };
    };
    const settle = async () => {
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    };
    const verifying = (attempts: { state: { verifying: boolean } }[]) =>
      attempts.filter(({ state }) => state.verifying).length;

    it('verifies at most four attempts from one range at one account concurrently', async () => {
      const attempts = Array.from({ length: 6 }, () => begin());
      await settle();
      expect(verifying(attempts)).toBe(4);
      attempts[2]!.end(true);
      await settle();
      expect(verifying(attempts)).toBe(5);
      for (const { end } of attempts) end(true);
      expect(await Promise.all(attempts.map(({ outcome }) => outcome))).toEqual(
        Array.from({ length: 6 }, () => true),
      );
    });

    it('verifies at most four attempts from one range concurrently after one has ended', async () => {
      const attempts = Array.from({ length: 5 }, () => begin());
      attempts[0]!.end(true);
      await settle();
      attempts.push(begin());
      await settle();
      // One attempt has ended, and its state still says `verifying`.
      expect(verifying(attempts)).toBe(1 + 4);
      for (const { end } of attempts) end(true);
      await Promise.all(attempts.map(({ outcome }) => outcome));
    });

    it('verifies no more attempts from one range concurrently than may still fail before a delay', async () => {
      await fail(3);
      const attempts = Array.from({ length: 4 }, () => begin());
      await settle();
      expect(verifying(attempts)).toBe(2);
      for (const { end } of attempts) end(false);
      expect(await Promise.all(attempts.map(({ outcome }) => outcome))).toEqual([
        ...[false, false, 'too_many_requests', 'too_many_requests'],
      ]);
    });

    it('does not queue an attempt behind those of another account or range', async () => {
      const attempts = Array.from({ length: 4 }, () => begin());
      const others = [begin({ name: 'luke' }), begin({ from: elsewhere(1) })];
      await settle();
      expect(verifying([...attempts, ...others])).toBe(6);
      for (const { end } of [...attempts, ...others]) end(true);
      await Promise.all([...attempts, ...others].map(({ outcome }) => outcome));
    });

    it('refuses an attempt with 503 while 104 are in progress, and accepts it afterwards', async () => {
      const attempts = Array.from({ length: 104 }, () => begin());
      const refused = attemptOf({})(async () => true);
      await expect(refused).rejects.toMatchObject({
        code: 'service_unavailable',
        headers: { 'retry-after': '5' },
      });
      for (const { end } of attempts) end(true);
      await Promise.all(attempts.map(({ outcome }) => outcome));
      expect(await tryTo(true)).toBe(true);
      expect(throttle).toHaveProperty('queues.size', 0);
    });
  });

  it('warns of the fifth failure in a row and of later ones, with the request id but no name', async () => {
    const from = { ...home, requestId: 'r1' };
    await fail(4, { from });
    expect(warn).not.toHaveBeenCalled();
    await fail(1, { from });
    const warning = ['login_delayed', 'failures from one range of addresses'];
    expect(warn.mock.calls).toEqual([[...warning, 'request r1, from 203.0.113.7']]);
    now += 15_000;
    await fail(1);
    await fail(5, { from: { ip: null, agent: null } });
    expect(warn.mock.calls.slice(1)).toEqual([
      [...warning, 'request none, from 203.0.113.7'],
      [...warning, 'request none, from an unknown address'],
    ]);
  });

  it('applies the usual delay, and no longer one, after the clock was set back', async () => {
    await fail(5);
    now += 15_000;
    await fail(1);
    await failElsewhere(44);
    for (const hours of [2, 3]) {
      now -= hours * HOUR;
      expect(await tryTo(true)).toBe(30);
      expect(await tryTo(true, { from: elsewhere(99) })).toBe(15);
    }
    now += 30_000 - 1;
    expect(await tryTo(true)).toBe(1);
    now += 1;
    expect(await tryTo(true)).toBe(true);
  });

  it('moves only failures from the future to the present after the clock was set back', async () => {
    const times = async () =>
      (await rows()).map(({ lastAt }) => lastAt - START).sort((a, b) => a - b);
    await fail(1, { name: 'luke' });
    now -= 1000;
    await fail(1);
    now += 1000;
    await fail(1, { from: elsewhere(1) });
    now -= 500;
    const outcome = attemptOf({})(() => Promise.reject(new Error('no verification')));
    await expect(outcome).rejects.toThrow('no verification');
    // The rows of leia from home, from everywhere and from elsewhere, and two rows of luke.
    expect(await times()).toEqual([-1000, -500, 0, 0, 0]);
  });

  it('deletes failures a day after the last one, every 15 minutes', async () => {
    await fail(1);
    now += 1;
    await fail(1, { name: 'luke' });
    now += 24 * HOUR - 2;
    await throttle.removeOld();
    expect(await counts()).toEqual([1, 1, 1, 1]);
    now += 1;
    await throttle.removeOld();
    expect(await counts()).toEqual([1, 1]);
    const every = jest.spyOn(globalThis, 'setInterval');
    jobs.onApplicationBootstrap();
    expect(every.mock.calls[0]?.[1]).toBe(15 * 60_000);
    await jobs.onModuleDestroy();
  });
});
