import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../../src/audit/audit.service.js';
import type { Database } from '../../../src/database/database.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import type { Role } from '../../../src/users/roles/roles.js';
import type { UserRoleRepository } from '../../../src/users/roles/user-role.repository.js';
import type { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import type { KnownUser, UserRepository } from '../../../src/users/user.repository.js';
import type { UsersService } from '../../../src/users/users.service.js';

const ROLES: Record<string, Record<string, unknown>> = {
  pilot: { ships: ['fly'] },
  admin: { admin: true },
};
jest.unstable_mockModule('../../../src/users/roles/roles.js', () => ({ ROLES }));
const module = await import('../../../src/users/roles/user-roles.service.js');
const pilot = 'pilot' as Role;

const leia = { id: 7, name: 'am\u00e9lie', roleVersion: 3 } as KnownUser;
const client = { ip: '203.0.113.7', agent: null };
const caller = { token: new Token('', { alg: 'HS256' }, { sub: '1' } as Claims), client };

describe('UserRolesService', () => {
  let stored: Role[];
  let exists: boolean;
  let inWrite: boolean;
  let events: unknown[];
  let requireActiveSession: jest.Mock<UsersService['requireActiveSession']>;
  let service: UserRolesService;

  beforeEach(() => {
    [stored, exists, inWrite, events] = [[], true, false, []];
    const written = (...event: unknown[]) => {
      expect(inWrite).toBe(true);
      events.push(event);
    };
    requireActiveSession = jest.fn<UsersService['requireActiveSession']>(async () => {
      written('requireActiveSession');
    });
    const get: UsersService['get'] = jest.fn<UsersService['get']>(async (id) => {
      if (id !== 7) throw new Error('not found');
      return leia;
    });
    const users: Partial<UserRepository> = {
      lockUser: async (id) => {
        written('lockUser', id);
        return exists;
      },
      findByName: async (name) => (name === leia.name ? leia : undefined),
    };
    const roles: Partial<UserRoleRepository> = {
      find: async () => stored,
      findStored: async () => stored,
      replace: async (id, names) => {
        written('replace', id, names);
        stored = [...names];
      },
    };
    const record: AuditService['record'] = async (event, details) => written(event, details);
    const write = async <T>(work: (manager: never) => Promise<T>): Promise<T> => {
      const outer = inWrite;
      inWrite = true;
      try {
        return await work(undefined as never);
      } finally {
        inWrite = outer;
      }
    };
    service = new module.UserRolesService(
      { requireActiveSession, get } as Partial<UsersService> as UsersService,
      users as UserRepository,
      roles as UserRoleRepository,
      { record } as Partial<AuditService> as AuditService,
      { write } as Partial<Database> as Database,
    );
  });

  it('accepts the declared roles at start-up', () => {
    expect(() => service.onModuleInit()).not.toThrow();
  });

  it('refuses roles that contradict each other at start-up, and names the file', () => {
    ROLES.captain = { admin: false };
    expect(() => service.onModuleInit()).toThrow(
      'Two roles give different values to the scope entry "admin". See src/users/roles/roles.ts.',
    );
    delete ROLES.captain;
  });

  it('returns the scope of the current roles with the version of the user that was read', async () => {
    expect(await service.authorizationOf(leia)).toEqual({ scope: {}, roleVersion: 3 });
    stored = ['admin'];
    expect(await service.authorizationOf(leia)).toEqual({ scope: { admin: true }, roleVersion: 3 });
  });

  it('returns the roles of a user that exists', async () => {
    stored = ['admin'];
    expect(await service.get(7)).toEqual(['admin']);
    await expect(service.get(8)).rejects.toThrow('not found');
  });

  describe('replace', () => {
    it('checks the caller, locks the user, replaces the roles and records it, in one write', async () => {
      expect(await service.replace(7, ['admin', 'admin'], caller)).toEqual(['admin']);
      expect(events).toEqual([
        ['requireActiveSession'],
        ['lockUser', 7],
        ['replace', 7, ['admin']],
        ['admin_granted', { userId: 7, ...caller }],
      ]);
      expect(requireActiveSession.mock.calls).toEqual([[caller.token]]);
      events = [];
      await service.replace(7, []);
      expect(events).toEqual([
        ['lockUser', 7],
        ['replace', 7, []],
        ['admin_revoked', { userId: 7 }],
      ]);
    });

    it('removes roles that the code does not declare, too', async () => {
      stored = ['retired' as Role];
      expect(await service.replace(7, [])).toEqual([]);
      expect(events).toEqual([
        ['lockUser', 7],
        ['replace', 7, []],
      ]);
    });

    it('changes and records nothing if the roles stay the same', async () => {
      stored = ['admin'];
      expect(await service.replace(7, ['admin'])).toEqual(['admin']);
      expect(events).toEqual([['lockUser', 7]]);
    });

    it('records a change of other roles under its own name', async () => {
      stored = ['admin'];
      expect(await service.replace(7, [pilot, 'admin'])).toEqual(['admin', 'pilot']);
      expect(await service.replace(7, [])).toEqual([]);
      expect(events).toEqual([
        ['lockUser', 7],
        ['replace', 7, ['admin', 'pilot']],
        ['roles_changed', { userId: 7 }],
        ['lockUser', 7],
        ['replace', 7, []],
        ['admin_revoked', { userId: 7 }],
        ['roles_changed', { userId: 7 }],
      ]);
    });

    it('throws 404 if there is no such user', async () => {
      exists = false;
      await expect(service.replace(7, ['admin'])).rejects.toMatchObject({ code: 'not_found' });
      expect(events).toEqual([['lockUser', 7]]);
    });
  });

  describe('setRole', () => {
    it('gives and takes one role by the name of the user, in any Unicode form', async () => {
      expect(await service.setRole('ame\u0301lie', 'admin', true)).toEqual(['admin']);
      expect(await service.setRole('am\u00e9lie', 'admin', false)).toEqual([]);
      expect(stored).toEqual([]);
    });

    it('keeps the other roles', async () => {
      stored = [pilot];
      expect(await service.setRole(leia.name, 'admin', true)).toEqual(['admin', 'pilot']);
      expect(await service.setRole(leia.name, 'admin', false)).toEqual(['pilot']);
    });

    it('throws 404 if there is no such user, or no longer', async () => {
      await expect(service.setRole('luke', 'admin', true)).rejects.toMatchObject({
        code: 'not_found',
      });
      exists = false;
      await expect(service.setRole(leia.name, 'admin', true)).rejects.toMatchObject({
        code: 'not_found',
      });
      expect(events).toEqual([['lockUser', 7]]);
    });
  });
});
