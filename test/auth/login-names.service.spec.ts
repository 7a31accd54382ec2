import { describe, expect, it, jest } from '@jest/globals';
import { Module, Scope } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  LoginNames,
  type LoginNameSource,
  LoginNamesService,
} from '../../src/auth/login-names.service.js';
import { type AuthenticatedUser, UsersService } from '../../src/users/users.service.js';

const users: Partial<UsersService> = {
  findByIdWithHash: async (id) => (id === 9 ? undefined : ({ id } as AuthenticatedUser)),
  findByNameWithHash: async (name) =>
    name === 'leia' ? ({ id: 1, name } as AuthenticatedUser) : undefined,
};

const asked = jest.fn();

@LoginNames()
class Emails implements LoginNameSource {
  async findUserId(name: string): Promise<number | null> {
    asked(name);
    return ({ 'leia@alderaan.example': 7, 'gone@alderaan.example': 9 } as const)[name] ?? null;
  }
}

async function start(source: new () => LoginNameSource): Promise<LoginNamesService> {
  @Module({
    imports: [DiscoveryModule],
    providers: [LoginNamesService, { provide: UsersService, useValue: users }, source],
  })
  class TestModule {}
  const module = await Test.createTestingModule({ imports: [TestModule] }).compile();
  await module.init();
  return module.get(LoginNamesService);
}

describe('LoginNamesService', () => {
  it('asks the sources first, and then looks for a user of that name', async () => {
    const logins = await start(Emails);
    expect((await logins.findUser('leia@alderaan.example'))?.id).toBe(7);
    expect((await logins.findUser('leia'))?.id).toBe(1);
    expect(await logins.findUser('nobody')).toBeUndefined();
    expect(asked.mock.calls).toEqual([['leia@alderaan.example'], ['leia'], ['nobody']]);
  });

  it('passes names in Unicode NFC to the sources', async () => {
    const logins = await start(Emails);
    asked.mockClear();
    await logins.findUser('ame\u0301lie');
    expect(asked.mock.calls).toEqual([['am\u00e9lie']]);
  });

  it('finds no user if a source knows the id of a user who was deleted', async () => {
    const logins = await start(Emails);
    expect(await logins.findUser('gone@alderaan.example')).toBeUndefined();
  });

  it('refuses a request-scoped source at start-up', async () => {
    @LoginNames()
    class PerRequest implements LoginNameSource {
      findUserId = async () => null;
    }
    Reflect.defineMetadata('scope:options', { scope: Scope.REQUEST }, PerRequest);
    await expect(start(PerRequest)).rejects.toThrow(
      'PerRequest: a @LoginNames() cannot be request-scoped.',
    );
  });
});
