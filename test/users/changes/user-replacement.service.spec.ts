import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../../src/audit/audit.service.js';
import type { AppConfig } from '../../../src/config/app-config.js';
import type { Database } from '../../../src/database/database.js';
import { NO_PRECONDITION, type Precondition } from '../../../src/database/versions/precondition.js';
import type { SessionRepository } from '../../../src/sessions/session.repository.js';
import { TokenError, tokenRevoked } from '../../../src/tokens/token-errors.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import type { PatchUser } from '../../../src/users/dto/user-body.dto.js';
import type { CurrentPasswordCheck } from '../../../src/users/passwords/current-password.js';
import type { HashQueueKeys, PasswordHasher } from '../../../src/passwords/password-hasher.js';
import type { PasswordRulesService } from '../../../src/users/passwords/password-rules.service.js';
import { UserReplacementService } from '../../../src/users/changes/user-replacement.service.js';
import type { UserRepository, UserWithHash } from '../../../src/users/user.repository.js';
import type { Caller, UsersService } from '../../../src/users/users.service.js';

const client = { ip: '203.0.113.7', agent: null };
const callerWith = (sub: string): Caller => ({
  client,
  token: new Token('signed', { alg: 'HS256' }, { sub, sid: 'session' } as Claims),
});
const [owner, administrator] = [callerWith('7'), callerWith('1')];
const leia: UserWithHash = {
  id: 7,
  name: 'leia',
  passwordHash: 'hash of secret',
  admin: false,
  roleVersion: 0,
  version: 5,
  publicId: 'public',
  createdAt: 0,
};

describe('UserReplacementService', () => {
  let stored: UserWithHash | undefined;
  let taken: string[];
  let events: unknown[];
  let queueKeys: HashQueueKeys[];
  let config: { flaskCompat: boolean };
  let rules: jest.Mock<PasswordRulesService['refuse']>;
  let requireActiveSession: jest.Mock<UsersService['requireActiveSession']>;
  let confirmPassword: jest.Mock<CurrentPasswordCheck['confirmPassword']>;
  let updateIfUnchanged: jest.Mock<UserRepository['updateIfUnchanged']>;
  let replacement: UserReplacementService;

  beforeEach(() => {
    stored = leia;
    taken = [];
    events = [];
    queueKeys = [];
    config = { flaskCompat: false };
    rules = jest.fn<PasswordRulesService['refuse']>();
    requireActiveSession = jest.fn<UsersService['requireActiveSession']>().mockResolvedValue();
    confirmPassword = jest.fn<CurrentPasswordCheck['confirmPassword']>(async (user) => ({
      ...leia,
      name: user.name,
    }));
    updateIfUnchanged = jest.fn<UserRepository['updateIfUnchanged']>(async (_, values) => {
      events.push(['updateIfUnchanged', values]);
      return true;
    });
    const users: Partial<UserRepository> = {
      findByIdWithHash: async (id) => (id === 7 ? stored : undefined),
      isTaken: async (name, id) => id === 7 && taken.includes(name),
      updateIfUnchanged,
    };
    const passwords: Partial<PasswordHasher> = {
      hash: async (password, keys) => {
        queueKeys.push(keys);
        events.push('hash');
        return `hash of ${password}`;
      },
      verify: async (hash, password, keys) => {
        queueKeys.push(keys);
        return hash === `hash of ${password}`;
      },
    };
    const sessions: Partial<SessionRepository> = {
      endAll: async (subject, except) => {
        events.push(['end sessions', subject, except]);
        return true;
      },
    };
    const record: AuditService['record'] = async (event, details) => {
      events.push([event, details]);
    };
    let inWrite = false;
    const write = async <T>(work: (manager: never) => Promise<T>): Promise<T> => {
      expect(inWrite).toBe(false);
      inWrite = true;
      try {
        return await work(undefined as never);
      } finally {
        inWrite = false;
      }
    };
    replacement = new UserReplacementService(
      config as AppConfig,
      { requireActiveSession } as Partial<UsersService> as UsersService,
      users as UserRepository,
      passwords as PasswordHasher,
      { refuse: rules } as Partial<PasswordRulesService> as PasswordRulesService,
      { confirmPassword } as Partial<CurrentPasswordCheck> as CurrentPasswordCheck,
      sessions as SessionRepository,
      { record } as Partial<AuditService> as AuditService,
      { write } as Partial<Database> as Database,
    );
  });

  const replace = (
    body: { name?: string; password?: string; current_password?: string },
    caller = administrator,
    id = 7,
  ) =>
    replacement.change(id, { name: 'leia', password: 'secret', ...body }, caller, NO_PRECONDITION);
  const messages = (message: Record<string, string[]>) => ({
    code: 'validation_failed',
    body: { message },
  });
  const updated = (name: string, passwordHash: string) => [
    'updateIfUnchanged',
    { name, passwordHash, version: expect.any(Number) },
  ];
  const changed = (by: Caller) => ['password_changed', { userId: 7, ...by }];
  const renamed = (by: Caller) => ['user_renamed', { userId: 7, ...by }];

  describe('replace by an administrator', () => {
    it('changes the name and the password of a user, and ends the sessions of the user', async () => {
      const given = await replace({ name: 'organa', password: 'other' });
      expect(given).toMatchObject({ id: 7, name: 'organa', publicId: 'public' });
      expect(updateIfUnchanged.mock.calls[0]?.[0]).toEqual(leia);
      expect(events).toEqual([
        'hash',
        updated('organa', 'hash of other'),
        renamed(administrator),
        ['end sessions', '7', null],
        changed(administrator),
      ]);
    });

    it('keeps the hash and the sessions if the password stays the same', async () => {
      await replace({ name: 'organa' });
      expect(events.slice(1)).toEqual([
        updated('organa', 'hash of secret'),
        renamed(administrator),
      ]);
    });

    it('records no new name if the name stays the same', async () => {
      await replace({ password: 'other' });
      expect(events.slice(2)).toEqual([['end sessions', '7', null], changed(administrator)]);
    });

    it('hashes a new password even if it stays the same, so that the duration does not reveal it', async () => {
      await replace({});
      expect(events).toEqual(['hash', updated('leia', leia.passwordHash)]);
    });

    it('queues its hashes by the account of the user', async () => {
      await replace({ name: 'organa' });
      const keys = expect.objectContaining({
        range: ['203.0.0.0/16', '203.0.113.0/24'],
        account: 'account leia',
      });
      expect(queueKeys).toEqual([keys, keys]);
    });

    it('refuses a current password from an administrator', async () => {
      await expect(replace({ current_password: 'secret' })).rejects.toMatchObject(
        messages({ current_password: ['Unknown field.'] }),
      );
      expect(confirmPassword).not.toHaveBeenCalled();
    });

    it('stores names in Unicode NFC', async () => {
      expect((await replace({ name: 'ame\u0301lie' })).name).toBe('am\u00e9lie');
      stored = { ...leia, name: 'am\u00e9lie' };
      events = [];
      await replace({ name: 'ame\u0301lie' });
      expect(events).not.toContainEqual(renamed(administrator));
    });
  });

  describe('replace by the user', () => {
    it('requires the current password', async () => {
      await expect(replace({}, owner)).rejects.toMatchObject(
        messages({ current_password: ['Missing data for required field.'] }),
      );
    });

    it('verifies the current password, and ends every session', async () => {
      await replace({ password: 'other', current_password: 'secret' }, owner);
      expect(confirmPassword.mock.calls).toEqual([[leia, 'secret', owner.token, client]]);
      expect(events.slice(1)).toEqual([
        updated('leia', 'hash of other'),
        ['end sessions', '7', null],
        changed(owner),
      ]);
      expect(queueKeys).toHaveLength(1);
    });

    it('changes nothing if the current password is incorrect', async () => {
      confirmPassword.mockRejectedValue(new Error('wrong'));
      await expect(replace({ current_password: 'wrong' }, owner)).rejects.toThrow('wrong');
      expect(events).toEqual([]);
    });

    it('keeps the sessions if the new password is the current one, in any Unicode form', async () => {
      await replace({ password: 'e\u0301\u0301a', current_password: '\u00e9\u0301a' }, owner);
      await replace({ password: '\u00e9\u0301a', current_password: 'e\u0301\u0301a' }, owner);
      const kept = updated('leia', leia.passwordHash);
      expect(events).toEqual(['hash', kept, 'hash', kept]);
    });

    it('stores the hash that was verified, even if it was replaced after the user was read', async () => {
      confirmPassword.mockResolvedValue({ ...leia, passwordHash: 'newer hash' });
      await replace({ name: 'organa', current_password: 'secret', password: 'secret' }, owner);
      expect(updateIfUnchanged.mock.calls[0]?.[0]).toMatchObject({ passwordHash: 'newer hash' });
      expect(events[1]).toEqual(updated('organa', 'newer hash'));
    });
  });

  const patch = (
    body: PatchUser,
    caller = owner,
    precondition: Precondition = NO_PRECONDITION,
    id = 7,
  ) => replacement.change(id, body, caller, precondition);

  describe('patch', () => {
    it('changes a name without a password, and writes no hash', async () => {
      const given = await patch({ name: 'organa' });
      expect(given).toMatchObject({ id: 7, name: 'organa', publicId: 'public' });
      expect(events).toEqual([updated('organa', leia.passwordHash), renamed(owner)]);
      expect([queueKeys, rules.mock.calls, confirmPassword.mock.calls]).toEqual([[], [], []]);
    });

    it('keeps the password that was stored when the user was read', async () => {
      await patch({ name: 'organa' });
      expect(updateIfUnchanged.mock.calls[0]?.[0]).toEqual(leia);
    });

    it('stores a name in Unicode NFC', async () => {
      expect((await patch({ name: 'ame\u0301lie' })).name).toBe('am\u00e9lie');
    });

    it('gives a renamed user a new version', async () => {
      const { version } = await patch({ name: 'organa' });
      expect(version).not.toBe(leia.version);
      expect(updateIfUnchanged.mock.calls[0]?.[1]).toMatchObject({ version });
    });

    it('changes a password, and keeps the name', async () => {
      const given = await patch({ password: 'other', current_password: 'secret' });
      expect(given.name).toBe('leia');
      expect(confirmPassword.mock.calls).toEqual([[leia, 'secret', owner.token, client]]);
      expect(events).toEqual([
        'hash',
        updated('leia', 'hash of other'),
        ['end sessions', '7', null],
        changed(owner),
      ]);
    });

    it('changes both the name and the password', async () => {
      await patch({ name: 'organa', password: 'other' }, administrator);
      expect(events).toEqual([
        'hash',
        updated('organa', 'hash of other'),
        renamed(administrator),
        ['end sessions', '7', null],
        changed(administrator),
      ]);
    });

    it('requires the current password for a new one', async () => {
      for (const body of [{ password: 'other' }, { name: 'organa', password: 'other' }]) {
        await expect(patch(body)).rejects.toMatchObject(
          messages({ current_password: ['Missing data for required field.'] }),
        );
      }
      expect(events).toEqual([]);
    });

    it('refuses a current password without a new one as an unknown field', async () => {
      const unknown = messages({ current_password: ['Unknown field.'] });
      for (const body of [{}, { name: 'organa' }]) {
        const refused = patch({ ...body, current_password: 'secret' });
        await expect(refused).rejects.toMatchObject(unknown);
      }
      expect([events, confirmPassword.mock.calls]).toEqual([[], []]);
    });

    it('checks a password against the new name, or against the stored name', async () => {
      await patch({ password: 'other' }, administrator);
      await patch({ name: 'ame\u0301lie', password: 'other' }, administrator);
      expect(rules.mock.calls).toEqual([
        ['other', 'leia'],
        ['other', 'am\u00e9lie'],
      ]);
    });

    it('refuses a password that breaks the rules before it hashes', async () => {
      rules.mockImplementation(() => {
        throw new Error('refused');
      });
      // With a name it does so before it reads the user, so that an unknown user makes no difference.
      const both = { name: 'organa', password: 'other' };
      const unread = async () => patch(both, administrator, NO_PRECONDITION, 8);
      await expect(unread()).rejects.toThrow('refused');
      await expect(patch({ password: 'other' }, administrator)).rejects.toThrow('refused');
      expect(queueKeys).toEqual([]);
    });

    it('refuses a name that is taken or breaks the rules', async () => {
      taken = ['luke', 'leia'];
      await expect(patch({ name: 'luke' })).rejects.toMatchObject({ code: 'name_taken' });
      await expect(patch({ name: ' luke' })).rejects.toMatchObject(
        messages({ name: ['Must not begin or end with white space.'] }),
      );
      expect(events).toEqual([]);
    });

    it('does not refuse the stored name if only the password changes', async () => {
      taken = [' leia'];
      stored = { ...leia, name: ' leia' };
      await expect(patch({ password: 'other' }, administrator)).resolves.toMatchObject({
        name: ' leia',
      });
    });

    it('returns the user, and writes nothing, without a field', async () => {
      expect(await patch({})).toBe(leia);
      expect([events, updateIfUnchanged.mock.calls]).toEqual([[], []]);
    });

    it('refuses an unknown user with 404', async () => {
      const bodies = [{}, { name: 'organa' }, { password: 'other' }];
      for (const body of bodies) {
        const refused = patch(body, administrator, NO_PRECONDITION, 8);
        await expect(refused).rejects.toMatchObject({ code: 'not_found' });
      }
      expect(events).toEqual([]);
    });

    it('keeps a new name if the hash was replaced after the user was read', async () => {
      updateIfUnchanged.mockImplementationOnce(async () => {
        stored = { ...leia, passwordHash: 'newer hash' };
        return false;
      });
      await patch({ name: 'organa' });
      expect(events[0]).toEqual(updated('organa', 'newer hash'));
    });
  });

  describe('The precondition', () => {
    const precondition: Precondition = { matches: [5], matchesNone: [4], isRequired: true };
    /** What a request changes, from nothing to everything. */
    const requests: [name: string, request: (given: Precondition) => Promise<unknown>][] = [
      [
        'replace',
        (given) => replacement.change(7, { name: 'leia', password: 'other' }, administrator, given),
      ],
      ['patch of a password', (given) => patch({ password: 'other' }, administrator, given)],
      ['patch of a name', (given) => patch({ name: 'organa' }, owner, given)],
      ['patch without a field', (given) => patch({}, owner, given)],
    ];

    it.each(requests)('of a %s is evaluated before anything is hashed', async (_, request) => {
      const refusals: [Partial<Precondition>, string][] = [
        [{ matches: [4] }, 'precondition_failed'],
        [{ matchesNone: [5] }, 'precondition_failed'],
        [{ isRequired: true }, 'precondition_required'],
      ];
      for (const [given, code] of refusals) {
        const refused = request({ ...NO_PRECONDITION, ...given });
        await expect(refused).rejects.toMatchObject({ code });
      }
      expect([queueKeys, updateIfUnchanged.mock.calls]).toEqual([[], []]);
    });

    it.each(requests.slice(0, -1))('of a %s is repeated by the statement', async (_, request) => {
      await request(precondition);
      expect(updateIfUnchanged.mock.calls.map(([, , given]) => given)).toEqual([precondition]);
    });

    it('refuses a change with 412 if the user was changed between the read and the write', async () => {
      updateIfUnchanged.mockImplementationOnce(async () => {
        stored = { ...leia, version: 6 };
        return false;
      });
      await expect(patch({ name: 'organa' }, owner, precondition)).rejects.toMatchObject({
        code: 'precondition_failed',
      });
      expect(updateIfUnchanged).toHaveBeenCalledTimes(1);
    });

    it('is evaluated after the user was found', async () => {
      const refused = patch({}, administrator, { ...NO_PRECONDITION, isRequired: true }, 8);
      await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    });
  });

  describe('replace with FLASK_COMPAT', () => {
    beforeEach(() => {
      config.flaskCompat = true;
    });

    it('requires no current password, and keeps the session of the caller', async () => {
      await replace({ password: 'other' }, owner);
      expect(confirmPassword).not.toHaveBeenCalled();
      expect(events).toContainEqual(['end sessions', '7', 'session']);
    });

    it('refuses a current password as an unknown field', async () => {
      await expect(replace({ current_password: 'secret' }, owner)).rejects.toMatchObject(
        messages({ current_password: ['Unknown field.'] }),
      );
    });
  });

  describe('Refusals before a hash', () => {
    it('refuses an unknown user with 404 before it hashes', async () => {
      await expect(replace({}, administrator, 8)).rejects.toMatchObject({ code: 'not_found' });
      expect(queueKeys).toEqual([]);
    });

    it('refuses the name of another user before it hashes', async () => {
      taken = ['luke', 'leia'];
      await expect(replace({ name: 'luke' })).rejects.toMatchObject({ code: 'name_taken' });
      expect(queueKeys).toEqual([]);
      await expect(replace({ name: 'leia' })).resolves.toMatchObject({ name: 'leia' });
    });

    it('refuses a new name that breaks the rules, but not one that the user has already', async () => {
      const problem = messages({ name: ['Must not begin or end with white space.'] });
      await expect(replace({ name: ' luke' })).rejects.toMatchObject(problem);
      await expect(replace({ name: ' luke' }, administrator, 8)).rejects.toMatchObject(problem);
      expect(queueKeys).toEqual([]);
      stored = { ...leia, name: ' luke' };
      await expect(replace({ name: ' luke' })).resolves.toMatchObject({ name: ' luke' });
    });

    it('refuses a password that breaks the rules before it hashes', async () => {
      rules.mockImplementation(() => {
        throw new Error('refused');
      });
      await expect(replace({ name: 'ame\u0301lie' })).rejects.toThrow('refused');
      expect(rules).toHaveBeenCalledWith('secret', 'am\u00e9lie');
      expect(queueKeys).toEqual([]);
    });
  });

  it('changes nothing if the session of the caller has ended', async () => {
    requireActiveSession.mockRejectedValue(new TokenError(tokenRevoked));
    await expect(replace({ password: 'other' })).rejects.toMatchObject({ code: 'token_revoked' });
    expect(requireActiveSession).toHaveBeenCalledWith(administrator.token);
    expect(events).toEqual(['hash']);
  });

  it('reads the user again if another request changed them, and hashes only once', async () => {
    updateIfUnchanged.mockImplementationOnce(async () => {
      stored = { ...leia, passwordHash: 'newer hash' };
      return false;
    });
    await replace({ password: 'other' });
    expect(updateIfUnchanged.mock.calls.map(([user]) => user.passwordHash)).toEqual([
      ...['hash of secret', 'newer hash'],
    ]);
    expect(events.filter((event) => event === 'hash')).toHaveLength(1);
  });

  it('gives up with 503 if others changed the user three times', async () => {
    updateIfUnchanged.mockResolvedValue(false);
    await expect(replace({})).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(updateIfUnchanged).toHaveBeenCalledTimes(3);
    expect(events).toEqual(['hash']);
  });
});
