import { Module, Scope, Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { TokenHook, TokenHookRunner, type TokenHooks } from '../../src/tokens/token-hooks.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const calls = {
  first: jest.fn<NonNullable<TokenHooks['addClaims']>>(),
  last: jest.fn<NonNullable<TokenHooks['addClaims']>>(),
  scope: jest.fn<NonNullable<TokenHooks['addScope']>>(),
  issued: jest.fn<(name: string, token: Token) => void | Promise<void>>(),
};

@TokenHook()
class First implements TokenHooks {
  addClaims(token: Token) {
    return calls.first(token);
  }

  issued(token: Token) {
    return calls.issued('first', token);
  }
}

@TokenHook()
class Silent implements TokenHooks {}

@TokenHook()
class Last implements TokenHooks {
  addClaims(token: Token) {
    return calls.last(token);
  }

  addScope(token: Token) {
    return calls.scope(token);
  }

  issued(token: Token) {
    return calls.issued('last', token);
  }
}

@Injectable()
class NoHook implements TokenHooks {
  addClaims() {
    return { no: 'hook' };
  }
}

@Module({ providers: [First, Silent, NoHook, Last] })
class Hooks {}

@Injectable({ scope: Scope.REQUEST })
class OfRequest {}

@TokenHook()
class Late {
  constructor(readonly ofRequest: OfRequest) {}
}
Reflect.defineMetadata('design:paramtypes', [OfRequest], Late);

@Module({ providers: [OfRequest, Late] })
class LateHooks {}

const runnerOf = async (hooks: object) => {
  const imports = [DiscoveryModule, hooks as never];
  const module = await Test.createTestingModule({
    imports,
    providers: [TokenHookRunner],
  }).compile();
  return module.get(TokenHookRunner);
};
const draft = () =>
  new Token('', { alg: 'HS256' }, structuredClone({ sub: 'leia', mine: 1 }) as unknown as Claims);

describe('TokenHookRunner', () => {
  beforeEach(() => {
    jest.resetAllMocks();
  });

  it('adds the claims of all hooks, and gives each hook its own draft', async () => {
    calls.first.mockReturnValue({ a: 1 });
    calls.last.mockResolvedValue({ b: new Date(0) });
    const runner = await runnerOf(Hooks);
    const added = await runner.addClaims(draft);
    expect(added).toEqual({ a: 1, b: '1970-01-01T00:00:00.000Z' });
    const [[one]] = calls.first.mock.calls as [[Token]];
    const [[other]] = calls.last.mock.calls as [[Token]];
    expect([one, other]).toEqual([draft(), draft()]);
    expect(one).not.toBe(other);
  });

  it('accepts a hook that adds nothing', async () => {
    calls.first.mockReturnValue(null);
    expect(await (await runnerOf(Hooks)).addClaims(draft)).toEqual({});
  });

  it('refuses a claim of another hook or of the draft', async () => {
    const runner = await runnerOf(Hooks);
    calls.first.mockReturnValue({ a: 1 });
    calls.last.mockReturnValue({ a: 2 });
    await expect(runner.addClaims(draft)).rejects.toThrow('"a" cannot be overwritten');
    calls.last.mockReturnValue({ mine: 2 });
    await expect(runner.addClaims(draft)).rejects.toThrow('"mine" cannot be overwritten');
  });

  it('refuses a claim of the draft that the hook deleted first', async () => {
    const runner = await runnerOf(Hooks);
    calls.first.mockImplementation((token) => {
      delete (token.claims as Partial<Claims>).mine;
      return { mine: 2 };
    });
    await expect(runner.addClaims(draft)).rejects.toThrow('"mine" cannot be overwritten');
  });

  it('adds the entries of hooks to a scope, and refuses one that exists or names the prototype', async () => {
    const runner = await runnerOf(Hooks);
    const withScope = () =>
      new Token('', { alg: 'HS256' }, { scope: { admin: true } } as unknown as Claims);
    calls.scope.mockReturnValueOnce({ sub: 'allowed', books: new Date(0) });
    expect(await runner.addScope(withScope)).toEqual({
      sub: 'allowed',
      books: '1970-01-01T00:00:00.000Z',
    });
    calls.scope.mockReturnValueOnce(null);
    expect(await runner.addScope(withScope)).toEqual({});
    for (const entries of [
      { admin: false },
      JSON.parse('{"__proto__":{"admin":true}}') as object,
    ]) {
      calls.scope.mockReturnValueOnce(entries as Record<string, unknown>);
      await expect(runner.addScope(withScope)).rejects.toThrow(
        /^The scope entry "\w+" cannot be overwritten\.$/,
      );
    }
  });

  it('calls the hooks one after another', async () => {
    const done: string[] = [];
    calls.issued.mockImplementation(async (name) => {
      done.push(`${name} begins`);
      await Promise.resolve();
      done.push(`${name} ends`);
    });
    await (await runnerOf(Hooks)).issued(draft());
    expect(done).toEqual(['first begins', 'first ends', 'last begins', 'last ends']);
    expect(calls.issued.mock.calls.map(([, token]) => token)).toEqual([draft(), draft()]);
  });

  it('looks up the hooks once', async () => {
    const runner = await runnerOf(Hooks);
    const { discovery } = runner as unknown as { discovery: { getProviders: () => unknown } };
    const find = jest.spyOn(discovery, 'getProviders');
    runner.onModuleInit();
    await runner.issued(draft());
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('stops the start if a hook is request-scoped', async () => {
    const runner = await runnerOf(LateHooks);
    expect(() => runner.onModuleInit()).toThrow(
      new StartError('Late: a @TokenHook() cannot be request-scoped.'),
    );
  });
});
