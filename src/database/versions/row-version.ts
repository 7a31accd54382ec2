import { randomInt } from 'node:crypto';
import { Column, getMetadataArgsStorage } from 'typeorm';

/** Versions are integers of 48 bits, which both databases and JavaScript represent exactly. */
const LIMIT = 2 ** 48 - 1;

const versioned = new Set<object>();

/**
 * The column of a row's version, from which its `ETag` is made. Every write that a client can see gives
 * the row a new version, in the same statement.
 */
export function RowVersion(): PropertyDecorator {
  return (target, property) => {
    versioned.add(target.constructor);
    Column('bigint', { name: 'version', default: 0 })(target, property);
  };
}

/** Whether an entity declares a `@RowVersion()`. */
export function hasRowVersion(entity: object): boolean {
  return versioned.has(entity);
}

/** The names of the tables whose rows have versions. */
export function versionedTables(): string[] {
  return getMetadataArgsStorage()
    .tables.filter(({ target }) => versioned.has(target as object))
    .map(({ name }) => name!);
}

/**
 * Returns a random version. A counter would start again from an earlier value when a backup is
 * restored, and a later change would then get the version of a change that was lost.
 */
export function newVersion(): number {
  return randomInt(1, LIMIT);
}
