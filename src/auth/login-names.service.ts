import { applyDecorators, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { markedProviders } from '../tokens/marked-providers.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { nfc } from '../validation/values.js';

/**
 * The method of a provider with `@LoginNames()`, which lets users log in with something else than
 * their name, such as an e-mail address.
 */
export interface LoginNameSource {
  /**
   * Finds the user that logs in with a name. It runs at every login, before the names of users are
   * tried, so that a user cannot take over an address by registering it as a name.
   *
   * @param name in Unicode NFC
   * @returns the id of the user, or null
   */
  findUserId(name: string): Promise<number | null>;
}

const mark = DiscoveryService.createDecorator();

/** Makes a provider find users at a login; see `LoginNameSource`. */
export const LoginNames = () => applyDecorators(Injectable(), mark());

/** Finds the user of a login, by the providers with `@LoginNames()` and by name. */
@Injectable()
export class LoginNamesService implements OnModuleInit {
  private sources: LoginNameSource[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly users: UsersService,
  ) {}

  /** @throws StartError if a source is request-scoped */
  onModuleInit(): void {
    this.sources = markedProviders<LoginNameSource>(this.discovery, mark, 'LoginNames');
  }

  /** @param name in any Unicode form */
  async findUser(name: string): Promise<AuthenticatedUser | undefined> {
    for (const source of this.sources) {
      const id = await source.findUserId(nfc(name));
      if (id !== null) return this.users.findByIdWithHash(id);
    }
    return this.users.findByNameWithHash(name);
  }
}
