import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EntitySchema } from 'typeorm';
import { MemoryDatabase } from '../support/memory-database.js';
import { RevokedToken } from '../../src/sessions/revoked-token.entity.js';
import { digestOf } from '../../src/sessions/sealed-token.js';
import { newSession } from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';
import type { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import { TokenStateRepository } from '../../src/sessions/token-state.repository.js';
import { type Claims, Token } from '../../src/tokens/token.js';

/** The columns of a user that the repository reads. */
const userRow = new EntitySchema<{ id: number; roleVersion: number }>({
  name: 'UserRow',
  tableName: 'users',
  columns: {
    id: { type: 'integer', primary: true },
    roleVersion: { type: 'integer', name: 'role_version' },
  },
});

const NOW = 1_700_000_000_000;

function tokenOf(claims: Partial<Claims> = {}): Token {
  const common = { sub: 'leia', jti: 'jti', sid: 'sid', type: 'access', exp: NOW / 1000 + 0.0005 };
  return new Token('signed', { alg: 'HS256' }, { ...common, ...claims } as Claims);
}

describe('TokenStateRepository', () => {
  let database: MemoryDatabase;
  let states: TokenStateRepository;
  const note = jest.fn<SessionActivityService['record']>();

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session, RevokedToken, userRow]);
    states = new TokenStateRepository(database, {
      record: note,
    } as Partial<SessionActivityService> as SessionActivityService);
    await database.open();
    await store('sid');
    note.mockClear();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await database.close();
  });

  const store = async (id: string, values: Partial<Session> = {}) => {
    const fields = { subject: 'leia', createdAt: NOW, expiresAt: NOW + 1, agent: null, ip: null };
    await database.manager.insert(Session, { ...newSession(fields), id, ...values });
  };
  const isActive = (claims: Partial<Claims> = {}, allowRotated = false) =>
    states.isActive(tokenOf(claims), { allowRotated });

  it('accepts a token while its session is active', async () => {
    await store('ended', { endedAt: NOW - 1 });
    await store('expired', { expiresAt: NOW });
    expect(await isActive()).toBe(true);
    for (const sid of ['ended', 'expired', 'missing']) expect(await isActive({ sid })).toBe(false);
  });

  it('refuses a token in the session of another subject', async () => {
    expect(await isActive({ sub: 'luke' })).toBe(false);
  });

  it('revokes one token, however often it is called', async () => {
    await states.revoke(tokenOf());
    await states.revoke(tokenOf());
    expect(await isActive()).toBe(false);
    expect(await isActive({ jti: 'another' })).toBe(true);
    for (const rotated of [false, true]) {
      expect(await isActive({ type: 'refresh' }, rotated)).toBe(false);
      expect(await isActive({ type: 'refresh', jti: 'another' }, rotated)).toBe(true);
    }
  });

  it('keeps a revoked token until it expires', async () => {
    await states.revoke(tokenOf({ exp: NOW / 1000 + 0.25 }));
    expect(await database.manager.find(RevokedToken)).toEqual([
      { jti: 'jti', expiresAt: NOW + 250 },
    ]);
  });

  it('accepts a token without a session until it is revoked', async () => {
    const claims = { sub: 'leia', jti: 'bare', exp: NOW / 1000 } as Claims;
    const bare = new Token('signed', { alg: 'HS256' }, claims);
    expect(await states.isActive(bare, { allowRotated: false })).toBe(true);
    await states.revoke(tokenOf());
    expect(await states.isActive(bare, { allowRotated: false })).toBe(true);
    await states.revoke(bare);
    expect(await states.isActive(bare, { allowRotated: false })).toBe(false);
  });

  it('requires the current refresh token, unless a rotated one is accepted', async () => {
    const type = 'refresh';
    await store('known', { currentToken: digestOf(tokenOf({ jti: 'current' })) });
    expect(await isActive({ type, sid: 'known', jti: 'current' })).toBe(true);
    expect(await isActive({ type, sid: 'known', jti: 'rotated' })).toBe(false);
    expect(await isActive({ type, sid: 'known', jti: 'rotated' }, true)).toBe(true);
    expect(await isActive({ sid: 'known', jti: 'rotated' })).toBe(true);
    expect(await isActive({ type, jti: 'any' })).toBe(true);
  });

  it('requires an active session of the subject also for refresh tokens', async () => {
    const type = 'refresh';
    await store('ended', { endedAt: NOW - 1 });
    await store('expired', { expiresAt: NOW });
    for (const sid of ['ended', 'expired', 'missing']) {
      expect(await isActive({ type, sid })).toBe(false);
      expect(await isActive({ type, sid }, true)).toBe(false);
    }
    expect(await isActive({ type, sub: 'luke' })).toBe(false);
  });

  describe('A token with a role version', () => {
    const withRoles = (claims: Partial<Claims>) => tokenOf({ sub: '7', sid: 'of 7', ...claims });
    const withoutSession = (claims: Partial<Claims>) => {
      const { sid: _, ...rest } = withRoles(claims).claims;
      return new Token('signed', { alg: 'HS256' }, rest);
    };
    const stateOf = async (token: Token) => {
      if (await states.isActive(token, { allowRotated: false })) return 'active';
      return (await states.isOutdated(token)) ? 'outdated' : 'revoked';
    };

    beforeEach(async () => {
      await store('of 7', { subject: '7' });
      await database.manager.insert(userRow, { id: 7, roleVersion: 3 });
    });

    it.each([
      ['with a session', withRoles],
      ['without a session', withoutSession],
    ])('is active only while its user has that version: %s', async (_, token) => {
      expect(await stateOf(token({ rv: 3 }))).toBe('active');
      for (const rv of [0, 2, 4]) expect(await stateOf(token({ rv }))).toBe('outdated');
      expect(await stateOf(token({}))).toBe('active');
      await states.revoke(token({}));
      for (const rv of [2, 3]) expect(await stateOf(token({ rv }))).toBe('revoked');
    });

    it('is not outdated if it has no role version', async () => {
      expect(await states.isOutdated(withRoles({}))).toBe(false);
      expect(await states.isOutdated(withoutSession({}))).toBe(false);
    });

    it('is not active if its subject is no user', async () => {
      await store('of leia');
      for (const sub of ['8', '07', 'leia', '99999999999']) {
        expect(await states.isActive(withoutSession({ sub, rv: 3 }), { allowRotated: false })).toBe(
          false,
        );
      }
      expect(await isActive({ sid: 'of leia', rv: 0 })).toBe(false);
    });

    it('is revoked, and not outdated, if its session has ended', async () => {
      await store('ended', { subject: '7', endedAt: NOW - 1 });
      expect(await stateOf(withRoles({ sid: 'ended', rv: 2 }))).toBe('revoked');
    });
  });

  it('records the use of the session of an active token', async () => {
    await isActive();
    await isActive({ type: 'refresh' });
    await isActive({ sid: 'missing' });
    await isActive({ sub: 'luke' });
    const bare = { sub: 'leia', jti: 'bare', exp: NOW / 1000 } as Claims;
    await states.isActive(new Token('signed', { alg: 'HS256' }, bare), { allowRotated: false });
    expect(note.mock.calls).toEqual([['sid'], ['sid']]);
  });

  it('reads only an id with each query', async () => {
    for (const { query } of database.selects) {
      const { selects } = query(database.manager).expressionMap;
      expect(selects).toHaveLength(1);
      expect(selects[0]!.selection).toMatch(/\.(?:id|jti)$/);
    }
    expect(database.selects).toHaveLength(5);
  });

  it('removes sessions and revoked tokens that have expired', async () => {
    await store('old', { expiresAt: NOW });
    for (const [jti, exp] of [
      ['old', NOW / 1000],
      ['new', NOW / 1000 + 1],
    ] as const) {
      await states.revoke(tokenOf({ jti, exp }));
    }
    const onProgress = jest.fn();
    await states.removeExpired(NOW, new AbortController().signal, onProgress);
    for (const table of ['revoked_tokens', 'sessions']) {
      expect(onProgress).toHaveBeenCalledWith({ table, removed: 1, total: 1 });
    }
    expect((await database.manager.find(Session)).map(({ id }) => id)).toEqual(['sid']);
    expect((await database.manager.find(RevokedToken)).map(({ jti }) => jti)).toEqual(['new']);
  });
});
