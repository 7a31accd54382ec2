import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../src/audit/audit.service.js';
import type { Database } from '../../src/database/database.js';
import { NO_PRECONDITION, type Precondition } from '../../src/database/versions/precondition.js';
import type { WriteBatchesService } from '../../src/database/write-batches.service.js';
import type { ListQuery } from '../../src/lists/list-query.js';
import type { SessionBatchesService } from '../../src/sessions/session-batches.service.js';
import type { SessionRepository } from '../../src/sessions/session.repository.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import type { HashQueueKeys, PasswordHasher } from '../../src/passwords/password-hasher.js';
import type { PasswordRulesService } from '../../src/users/passwords/password-rules.service.js';
import type { UserRoleRepository } from '../../src/users/roles/user-role.repository.js';
import type { UserRemovalsService } from '../../src/users/user-removals.service.js';
import type { NewUser, UserRepository, UserWithHash } from '../../src/users/user.repository.js';
import { UsersService } from '../../src/users/users.service.js';

const client = { ip: '203.0.113.7', agent: null };
const tokenOf = (sub: string, sid?: string, rv?: number) =>
  new Token('signed', { alg: 'HS256' }, {
    type: 'access',
    sub,
    ...(sid !== undefined && { sid }),
    ...(rv !== undefined && { rv }),
  } as Claims);
const token = tokenOf('1', 'mine');
const caller = { token, client };
const leia: UserWithHash = {
  ...{ id: 7, name: 'leia', passwordHash: 'hash of secret', admin: false, roleVersion: 3 },
  ...{ publicId: 'public', createdAt: 0, version: 5 },
};
const revoked = { code: 'token_revoked' };

describe('UsersService', () => {
  let stored: UserWithHash | undefined;
  /** The writes, in their order. */
  let events: unknown[];
  let inWrite: boolean;
  /** The preconditions of the deletions. */
  let removedWith: Precondition[];
  /** Whether a user who is deleted meets the precondition. */
  let isMet: boolean;
  let activeSessions: string[];
  let queueKeys: HashQueueKeys[];
  let updateIfUnchanged: jest.Mock<UserRepository['updateIfUnchanged']>;
  let rules: jest.Mock<PasswordRulesService['refuse']>;
  let begin: jest.Mock<UserRemovalsService['begin']>;
  let exceedBatch: jest.Mock<SessionBatchesService['exceedBatch']>;
  let endBatch: jest.Mock<SessionBatchesService['endBatch']>;
  let runBatches: jest.Mock<WriteBatchesService['run']>;
  let users: Partial<UserRepository>;
  let service: UsersService;

  beforeEach(() => {
    stored = leia;
    events = [];
    inWrite = false;
    removedWith = [];
    isMet = true;
    activeSessions = ['mine'];
    queueKeys = [];
    const written = (...event: unknown[]) => {
      expect(inWrite).toBe(true);
      events.push(event);
    };
    updateIfUnchanged = jest.fn<UserRepository['updateIfUnchanged']>(async (user, values) => {
      if (JSON.stringify(user) !== JSON.stringify(stored)) return false;
      stored = { ...user, ...values };
      events.push(['updateIfUnchanged', values]);
      return true;
    });
    users = {
      list: jest.fn<UserRepository['list']>(),
      findById: async (id) => (id === stored?.id ? stored : undefined),
      findByIdWithHash: async (id) => (id === stored?.id ? stored : undefined),
      findByName: async (name) => (name === stored?.name ? stored : undefined),
      findByNameWithHash: async (name) => (name === stored?.name ? stored : undefined),
      isTaken: async (name) => name === stored?.name,
      add: async (values: NewUser) => {
        written('add', values);
        return { ...leia, name: values.name, id: 8 };
      },
      lockUser: async (id, roleVersion = null) => {
        written('lockUser', id);
        if (roleVersion !== null) return roleVersion === 3;
        return id === 1 || id === stored?.id;
      },
      remove: async (id, precondition) => {
        written('remove', id);
        removedWith.push(precondition);
        return id === stored?.id && isMet;
      },
      updateIfUnchanged,
    };
    const removeAll: UserRoleRepository['removeAll'] = async (id) => written('remove roles', id);
    const sessions: Partial<SessionRepository> = {
      endAll: async (...given) => {
        written('end sessions', ...given);
        return true;
      },
      recordUse: async (id) => activeSessions.includes(id),
    };
    const passwords: Partial<PasswordHasher> = {
      hash: async (password, keys) => {
        expect(inWrite).toBe(false);
        queueKeys.push(keys);
        return `hash of ${password}`;
      },
    };
    const write = async <T>(work: (manager: never) => Promise<T>): Promise<T> => {
      const outer = inWrite;
      inWrite = true;
      try {
        return await work(undefined as never);
      } finally {
        inWrite = outer;
      }
    };
    const record: AuditService['record'] = async (event, details) => written(event, details);
    rules = jest.fn<PasswordRulesService['refuse']>();
    begin = jest.fn<UserRemovalsService['begin']>(async (id) => {
      written('remove rows', id);
      return true;
    });
    exceedBatch = jest.fn<SessionBatchesService['exceedBatch']>().mockResolvedValue(false);
    endBatch = jest.fn<SessionBatchesService['endBatch']>(async (...given) => {
      written('end batch', ...given);
      return 499;
    });
    runBatches = jest.fn<WriteBatchesService['run']>(async (_, next) => {
      while (await next());
    });
    const finish: UserRemovalsService['finish'] = async (id) => {
      expect(inWrite).toBe(false);
      events.push(['finish', id]);
    };
    service = new UsersService(
      users as UserRepository,
      { removeAll } as Partial<UserRoleRepository> as UserRoleRepository,
      { begin, finish } as Partial<UserRemovalsService> as UserRemovalsService,
      passwords as PasswordHasher,
      sessions as SessionRepository,
      { exceedBatch, endBatch } as Partial<SessionBatchesService> as SessionBatchesService,
      { record } as Partial<AuditService> as AuditService,
      { refuse: rules } as Partial<PasswordRulesService> as PasswordRulesService,
      { write } as Partial<Database> as Database,
      { run: runBatches } as Partial<WriteBatchesService> as WriteBatchesService,
    );
  });

  const keysOf = (account: string) => ({
    range: ['203.0.0.0/16', '203.0.113.0/24'],
    account,
    signal: undefined,
  });

  describe('Queries', () => {
    it('lists users', async () => {
      const [query, page] = [{} as ListQuery, { rows: [], next: null }];
      jest.mocked(users.list!).mockResolvedValue(page);
      expect(await service.list(query)).toBe(page);
      expect(users.list).toHaveBeenCalledWith(query);
    });

    it('returns a user by id, and throws 404 if there is none', async () => {
      expect(await service.get(7)).toBe(leia);
      await expect(service.get(8)).rejects.toMatchObject({ code: 'not_found' });
      expect(await service.find(8)).toBeUndefined();
    });

    it('finds the id of a name in any Unicode form, or returns null', async () => {
      stored = { ...leia, name: 'am\u00e9lie' };
      expect(await service.idOf('ame\u0301lie')).toBe(7);
      expect(await service.idOf('luke')).toBeNull();
    });
  });

  describe('register', () => {
    const register = (name: string, origin: Parameters<UsersService['register']>[1] = { client }) =>
      service.register({ name, password: 'secret' }, origin);

    it('stores the name in Unicode NFC with the hash, and records the new user', async () => {
      expect(await register('ame\u0301lie')).toMatchObject({ id: 8, name: 'am\u00e9lie' });
      expect(events).toEqual([
        ['add', { name: 'am\u00e9lie', passwordHash: 'hash of secret' }],
        ['user_created', { userId: 8, client }],
      ]);
      expect(queueKeys).toEqual([keysOf('new am\u00e9lie')]);
    });

    it('refuses a password that breaks the rules before it hashes', async () => {
      rules.mockImplementation(() => {
        throw new Error('refused');
      });
      await expect(register('luke')).rejects.toThrow('refused');
      expect(rules).toHaveBeenCalledWith('secret', 'luke');
      expect(queueKeys).toEqual([]);
    });

    it('refuses a name that is taken before it hashes', async () => {
      await expect(register('leia')).rejects.toMatchObject({ code: 'name_taken' });
      expect(queueKeys).toEqual([]);
    });

    it('hashes under the queue keys of the service if there is no client', async () => {
      await register('luke', {});
      expect(queueKeys).toEqual([expect.objectContaining({ range: 'this service' })]);
      expect(events).toContainEqual(['user_created', { userId: 8 }]);
    });

    it('adds no user if the session of the administrator has ended', async () => {
      await expect(
        register('luke', { client, token: tokenOf('1', 'ended') }),
      ).rejects.toMatchObject(revoked);
      expect(events).toEqual([['lockUser', 1]]);
    });

    it('records the token of the administrator', async () => {
      await register('luke', caller);
      expect(events.at(-1)).toEqual(['user_created', { userId: 8, ...caller }]);
    });

    it('adds a user of the service itself without an origin', async () => {
      await service.add({ name: 'luke', passwordHash: 'hash' });
      expect(events.at(-1)).toEqual(['user_created', { userId: 8 }]);
    });
  });

  describe('New passwords', () => {
    it('checks the rules before it hashes a new password for the account', async () => {
      expect(await service.hashNewPassword(leia, 'new', client)).toBe('hash of new');
      expect(queueKeys).toEqual([keysOf('account leia')]);
      rules.mockImplementation(() => {
        throw new Error('refused');
      });
      const refused = async () => service.hashNewPassword(leia, 'new', client);
      await expect(refused()).rejects.toThrow('refused');
      expect(rules).toHaveBeenCalledWith('new', 'leia', 'new_password');
      expect(queueKeys).toHaveLength(1);
    });

    const replace = (user = leia, by = token) => {
      inWrite = true;
      return service.replacePassword(user, 'new hash', { token: by, client });
    };

    it('replaces the verified password, ends every session, and records the change', async () => {
      expect(await replace()).toBe(true);
      expect(events).toEqual([
        ['lockUser', 1],
        ['updateIfUnchanged', { passwordHash: 'new hash' }],
        ['end sessions', '7'],
        ['password_changed', { userId: 7, ...caller }],
      ]);
    });

    it('does not replace the password if the user has changed since', async () => {
      expect(await replace({ ...leia, passwordHash: 'older hash' })).toBe(false);
      expect(events).toEqual([['lockUser', 1]]);
    });

    it('does not replace the password if the session of the caller has ended', async () => {
      await expect(replace(leia, tokenOf('1', 'ended'))).rejects.toMatchObject(revoked);
      expect(events).toEqual([['lockUser', 1]]);
    });
  });

  describe('remove', () => {
    const removal = [
      ['lockUser', 1],
      ['lockUser', 7],
      ['remove roles', 7],
      ['remove', 7],
      ['end sessions', '7'],
      ['user_deleted', { userId: 7, ...caller }],
      ['remove rows', 7],
    ];

    it('removes the user with sessions and rows in one write, and records it', async () => {
      await service.remove(7, NO_PRECONDITION, caller);
      expect(events).toEqual(removal);
      expect(exceedBatch.mock.calls).toEqual([['7']]);
    });

    it('removes a user on the command line, where no session has to be active', async () => {
      exceedBatch.mockResolvedValue(true);
      await service.remove(7, NO_PRECONDITION);
      expect(events).toEqual([
        ['end batch', '7', null],
        ...removal.slice(1, 5),
        ['user_deleted', { userId: 7 }],
        ['remove rows', 7],
      ]);
      expect(runBatches.mock.calls[0]?.[0]).toEqual({ group: 'subject 7' });
    });

    it('removes rows beyond one batch after the write', async () => {
      begin.mockResolvedValue(false);
      await service.remove(7, NO_PRECONDITION, caller);
      expect(events.at(-1)).toEqual(['finish', 7]);
    });

    it('throws 404 if there is no such user', async () => {
      const remove = () => service.remove(8, NO_PRECONDITION, caller);
      await expect(remove()).rejects.toMatchObject({ code: 'not_found' });
      expect(events).toEqual([]);
      // Another request deletes the user after the first read.
      users.findById = async () => ({ ...leia, id: 8 });
      await expect(remove()).rejects.toMatchObject({ code: 'not_found' });
      expect(events).toEqual([
        ['lockUser', 1],
        ['lockUser', 8],
      ]);
    });

    it('refuses a user who does not meet the precondition before it ends sessions', async () => {
      exceedBatch.mockResolvedValue(true);
      const refusals: [Partial<Precondition>, string][] = [
        [{ matches: [4] }, 'precondition_failed'],
        [{ matchesNone: [5] }, 'precondition_failed'],
        [{ isRequired: true }, 'precondition_required'],
      ];
      for (const [given, code] of refusals) {
        const precondition = { ...NO_PRECONDITION, ...given };
        await expect(service.remove(7, precondition, caller)).rejects.toMatchObject({ code });
        await expect(service.remove(8, precondition, caller)).rejects.toMatchObject({
          code: 'not_found',
        });
      }
      expect(exceedBatch).not.toHaveBeenCalled();
      expect(events).toEqual([]);
    });

    it('repeats the precondition in the deletion', async () => {
      const precondition: Precondition = { matches: [5], matchesNone: [4], isRequired: true };
      await service.remove(7, precondition, caller);
      expect(removedWith).toEqual([precondition]);
      expect(events).toEqual(removal);
    });

    it('refuses a deletion with 412 if the user has changed since the precondition was met', async () => {
      isMet = false;
      const precondition = { ...NO_PRECONDITION, matches: [5] };
      await expect(service.remove(7, precondition, caller)).rejects.toMatchObject({
        code: 'precondition_failed',
      });
      // The write ends with the error, so that the roles stay.
      expect(events).toEqual(removal.slice(0, 4));
    });

    it('removes nothing if the session of the caller has ended', async () => {
      activeSessions = [];
      await expect(service.remove(7, NO_PRECONDITION, caller)).rejects.toMatchObject(revoked);
      expect(events).toEqual([['lockUser', 1]]);
    });

    it('ends sessions beyond one batch first, in batches, except that of the caller', async () => {
      exceedBatch.mockResolvedValue(true);
      endBatch.mockImplementationOnce(async (...given) => {
        events.push(['end batch', ...given]);
        return 500;
      });
      await service.remove(7, NO_PRECONDITION, caller);
      const batch = [
        ['lockUser', 1],
        ['end batch', '7', 'mine'],
      ];
      expect(events).toEqual([...batch, ...batch, ...removal]);
      expect(runBatches.mock.calls[0]?.[0]).toEqual({ group: 'subject 1' });
    });

    it('ends no batch of sessions if the session of the caller has ended', async () => {
      exceedBatch.mockResolvedValue(true);
      activeSessions = [];
      await expect(service.remove(7, NO_PRECONDITION, caller)).rejects.toMatchObject(revoked);
      expect(endBatch).not.toHaveBeenCalled();
    });
  });

  describe('Password hashes', () => {
    it('reads a hash by name, in any Unicode form, or by id', async () => {
      stored = { ...leia, name: 'am\u00e9lie' };
      expect(await service.findByNameWithHash('ame\u0301lie')).toBe(stored);
      expect(await service.findByNameWithHash('leia')).toBeUndefined();
      expect(await service.findByIdWithHash(7)).toBe(stored);
      expect(await service.findByIdWithHash(8)).toBeUndefined();
    });

    it('replaces a hash only if the user was not changed since the read', async () => {
      expect(await service.updateHashIfUnchanged({ ...leia, roleVersion: 4 }, 'new hash')).toBe(
        false,
      );
      expect(await service.updateHashIfUnchanged(leia, 'new hash')).toBe(true);
      expect(events).toEqual([['updateIfUnchanged', { passwordHash: 'new hash' }]]);
    });
  });

  it('locks a user only if the password and the roles are unchanged', async () => {
    expect(await service.lockIfUnchanged(leia)).toBe(true);
    expect(events).toEqual([['updateIfUnchanged', { passwordHash: 'hash of secret' }]]);
    expect(await service.lockIfUnchanged({ ...leia, admin: true })).toBe(false);
    expect(await service.lockIfUnchanged({ ...leia, passwordHash: 'other' })).toBe(false);
  });

  it('reports whether a user is unchanged: the name, the password, and whether the user exists', async () => {
    expect(await service.isUnchanged(leia)).toBe(true);
    expect(await service.isUnchanged({ ...leia, name: 'organa' })).toBe(false);
    expect(await service.isUnchanged({ ...leia, passwordHash: 'other' })).toBe(false);
    stored = undefined;
    expect(await service.isUnchanged(leia)).toBe(false);
  });

  it('returns a user with new roles only if nothing else has changed', async () => {
    expect(await service.findWithChangedRoles(leia)).toBeUndefined();
    const promoted = (stored = { ...leia, roleVersion: 4 });
    expect(await service.findWithChangedRoles(leia)).toBe(promoted);
    stored = { ...promoted, passwordHash: 'other' };
    expect(await service.findWithChangedRoles(leia)).toBeUndefined();
    stored = undefined;
    expect(await service.findWithChangedRoles(leia)).toBeUndefined();
  });

  describe('requireActiveSession', () => {
    beforeEach(() => {
      inWrite = true;
    });

    it('locks the row of the user before it uses the session', async () => {
      await service.requireActiveSession(token);
      expect(events).toEqual([['lockUser', 1]]);
    });

    it('refuses the token as revoked if the session has ended', async () => {
      await expect(service.requireActiveSession(tokenOf('1', 'ended'))).rejects.toMatchObject(
        revoked,
      );
    });

    it('accepts a token without a session, and locks no row', async () => {
      await service.requireActiveSession(tokenOf('1'));
      expect(events).toEqual([]);
    });

    it('refuses the token as expired if the roles of its user have changed', async () => {
      const expired = { code: 'token_expired' };
      await service.requireActiveSession(tokenOf('1', 'mine', 3));
      for (const sid of ['mine', undefined]) {
        const outdated = tokenOf('1', sid, 2);
        await expect(service.requireActiveSession(outdated)).rejects.toMatchObject(expired);
      }
      const ended = tokenOf('1', 'ended', 2);
      await expect(service.requireActiveSession(ended)).rejects.toMatchObject(revoked);
    });

    it('accepts a token of code without a role version whose subject is no user', async () => {
      await service.requireActiveSession(tokenOf('404', 'mine'));
      expect(events).toEqual([['lockUser', 404]]);
    });

    it('locks no row if the subject cannot be a user', async () => {
      await service.requireActiveSession(tokenOf('service', 'mine'));
      expect(events).toEqual([]);
    });
  });
});
