import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { AuditEvent } from '../../audit/audit-entry.entity.js';
import { AuditService } from '../../audit/audit.service.js';
import { Database } from '../../database/database.js';
import { ApiError, notFound } from '../../errors/api-error.js';
import { StartError } from '../../errors/start-error.js';
import { nfc } from '../../validation/values.js';
import { type KnownUser, UserRepository } from '../user.repository.js';
import { type Caller, UsersService } from '../users.service.js';
import { type Role, ROLES } from './roles.js';
import { isRole, problemOf, roleNames, scopeOf } from './scope.js';
import { UserRoleRepository } from './user-role.repository.js';

/** What the roles of a user add to an access token. */
interface Authorization {
  scope: Record<string, unknown>;
  roleVersion: number;
}

/** Reads and replaces the roles of users. */
@Injectable()
export class UserRolesService implements OnModuleInit {
  constructor(
    private readonly accounts: UsersService,
    private readonly users: UserRepository,
    private readonly roles: UserRoleRepository,
    private readonly audit: AuditService,
    private readonly database: Database,
  ) {}

  /** @throws StartError if a user could not have the declared roles */
  onModuleInit(): void {
    const problem = problemOf(ROLES);
    if (problem !== null) throw new StartError(`${problem} See src/users/roles/roles.ts.`);
  }

  /** The roles of a user, sorted by name; empty if the user does not exist. */
  find(userId: number): Promise<Role[]> {
    return this.roles.find(userId);
  }

  /** @throws ApiError `not_found` */
  async get(userId: number): Promise<Role[]> {
    await this.accounts.get(userId);
    return this.roles.find(userId);
  }

  /**
   * The scope and the role version of a user. If the roles change in between, the version is the
   * old one, and tokens with it are refused.
   *
   * @param user read before this call
   */
  async authorizationOf({ id, roleVersion }: KnownUser): Promise<Authorization> {
    return { scope: scopeOf(await this.roles.find(id)), roleVersion };
  }

  /**
   * Replaces the roles of a user. If they change, every access token that the user got before is
   * refused as expired; the sessions stay active.
   *
   * @param caller absent on the command line
   * @returns the roles, sorted by name
   * @throws ApiError `not_found`, `last_administrator`
   * @throws TokenError `token_revoked`, `token_expired` if the token of the caller is no longer valid
   */
  replace(userId: number, given: readonly Role[], caller?: Caller): Promise<Role[]> {
    return this.change(userId, () => given, caller);
  }

  /**
   * Gives a role to the user of that name, or takes it away.
   *
   * @returns the roles of the user, sorted by name
   * @throws ApiError `not_found`, `last_administrator`
   */
  async setRole(name: string, role: Role, isGranted: boolean): Promise<Role[]> {
    const user = await this.users.findByName(nfc(name));
    if (!user) throw new ApiError(notFound);
    return this.change(user.id, (former) => {
      const others = former.filter((each) => each !== role);
      return isGranted ? [...others, role] : others;
    });
  }

  /** @param decide returns the new roles for the former ones, while the user row is locked */
  private change(
    userId: number,
    decide: (former: readonly Role[]) => readonly Role[],
    caller?: Caller,
  ): Promise<Role[]> {
    return this.database.write(async () => {
      if (caller) await this.accounts.requireActiveSession(caller.token);
      if (!(await this.users.lockUser(userId))) throw new ApiError(notFound);
      const stored = await this.roles.findStored(userId);
      const former = stored.filter(isRole);
      const given = decide(former);
      const roles = roleNames.filter((role) => given.includes(role));
      if (stored.join() === roles.join()) return roles;
      await this.roles.replace(userId, roles);
      for (const event of eventsOf(former, roles)) {
        await this.audit.record(event, { userId, ...caller });
      }
      return roles;
    });
  }
}

/** The events of a change. Those of the role `admin` have names of their own, which are older. */
function eventsOf(former: readonly Role[], roles: readonly Role[]): AuditEvent[] {
  const isAdmin = roles.includes('admin');
  const others = (names: readonly Role[]) => names.filter((name) => name !== 'admin').join();
  const events: AuditEvent[] = [];
  if (former.includes('admin') !== isAdmin) {
    events.push(isAdmin ? 'admin_granted' : 'admin_revoked');
  }
  if (others(former) !== others(roles)) events.push('roles_changed');
  return events;
}
