import { isDeepStrictEqual } from 'node:util';
import { isPlainObject } from '../../validation/values.js';
import { ROLES, type Role } from './roles.js';
import { MAX_ROLE_NAME } from './user-role.entity.js';

type Scope = Record<string, unknown>;

/** The names of the declared roles, sorted. */
export const roleNames = sortedNames(ROLES) as Role[];

export function sortedNames(roles: object): string[] {
  return Object.keys(roles).sort();
}

/** Whether a role is declared. A database may hold roles of another version of the code. */
export function isRole(name: string): name is Role {
  return Object.hasOwn(ROLES, name);
}

/** What is wrong with the declared roles, as a sentence, or null. */
export function problemOf(roles: Readonly<Record<string, Scope>>): string | null {
  const long = Object.keys(roles).find((name) => name.length > MAX_ROLE_NAME);
  if (long) return `The name of the role ${long} is longer than ${MAX_ROLE_NAME} characters.`;
  try {
    unionOf(Object.values(roles));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The scope of an access token: the union of the entries of the roles. */
export function scopeOf(roles: readonly Role[]): Scope {
  return unionOf(roles.map((role) => ROLES[role]));
}

/**
 * Combines scopes. Lists get the items of both, objects the members of both; other values have to
 * be equal.
 *
 * @throws Error if two scopes give different values to one entry
 */
export function unionOf(scopes: readonly Readonly<Scope>[]): Scope {
  const union: Scope = {};
  for (const scope of scopes) {
    for (const [name, value] of Object.entries(scope)) {
      union[name] = Object.hasOwn(union, name) ? combine(name, union[name], value) : value;
    }
  }
  return union;
}

function combine(name: string, one: unknown, other: unknown): unknown {
  if (isDeepStrictEqual(one, other)) return one;
  if (isPlainObject(one) && isPlainObject(other)) return unionOf([one, other]);
  if (!Array.isArray(one) || !Array.isArray(other)) {
    throw new Error(`Two roles give different values to the scope entry "${name}".`);
  }
  const added = other.filter((item) => !one.some((each) => isDeepStrictEqual(each, item)));
  return [...(one as unknown[]), ...(added as unknown[])];
}
