import { ApiError, preconditionFailed, preconditionRequired } from '../../errors/api-error.js';
import type { RowCondition } from '../statements/change-rows.js';

/** The versions that a header names; `any` for `*`, which stands for every row that exists. */
export type NamedVersions = readonly number[] | 'any';

/** What a client requires of a row before it is changed (RFC 9110, section 13.1). */
export interface Precondition {
  /** `If-Match`: the row has one of these versions. Null without the header. */
  readonly matches: NamedVersions | null;
  /** `If-None-Match`: the row has none of these versions. Null without the header. */
  readonly matchesNone: NamedVersions | null;
  /** Whether a change needs `If-Match`. */
  readonly isRequired: boolean;
}

/** For changes that no request asks for, and for routes that ignore the headers. */
export const NO_PRECONDITION: Precondition = {
  matches: null,
  matchesNone: null,
  isRequired: false,
};

/** Whether the client named no version, but has to. */
export function lacksVersion({ matches, isRequired }: Precondition): boolean {
  return isRequired && matches === null;
}

/**
 * @param version of the row, which exists
 * @throws ApiError `precondition_required`, `precondition_failed`
 */
export function refuseUnmet(precondition: Precondition, version: number): void {
  if (lacksVersion(precondition)) throw new ApiError(preconditionRequired);
  const { matches, matchesNone } = precondition;
  const isMet =
    (matches === null || names(matches, version)) &&
    (matchesNone === null || !names(matchesNone, version));
  if (!isMet) throw new ApiError(preconditionFailed);
}

function names(versions: NamedVersions, version: number): boolean {
  return versions === 'any' || versions.includes(version);
}

/** Adds a precondition to the condition of a write, so that the comparison and the write are one. */
export function onlyIfMet({ sql, values }: RowCondition, precondition: Precondition): RowCondition {
  const version = versionCondition(precondition);
  if (!version) return { sql, values };
  return { sql: `${sql} AND ${version.sql}`, values: { ...values, ...version.values } };
}

/** Null if every row meets the precondition. */
function versionCondition({ matches, matchesNone }: Precondition): RowCondition | null {
  if (matchesNone === 'any') return NEVER;
  const excluded = matchesNone?.length ? listOf('NOT IN', 'matchesNone', matchesNone) : null;
  if (matches === null || matches === 'any') return excluded;
  // PostgreSQL has no empty lists.
  if (matches.length === 0) return NEVER;
  const required = listOf('IN', 'matches', matches);
  if (!excluded) return required;
  return {
    sql: `${required.sql} AND ${excluded.sql}`,
    values: { ...required.values, ...excluded.values },
  };
}

const NEVER: RowCondition = { sql: '1 = 0', values: {} };

function listOf(operator: string, name: string, versions: readonly number[]): RowCondition {
  const named = versions.map((version, i) => [`${name}_${i}`, version] as const);
  const parameters = named.map(([parameter]) => `:${parameter}`);
  return {
    sql: `version ${operator} (${parameters.join(', ')})`,
    values: Object.fromEntries(named),
  };
}
