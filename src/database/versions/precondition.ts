import type { ObjectLiteral, WhereExpressionBuilder } from 'typeorm';
import { ApiError, preconditionFailed, preconditionRequired } from '../../errors/api-error.js';

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

/** Adds the precondition to an UPDATE or a DELETE, so that the comparison and the write are one. */
export function onlyIfMet<Query extends WhereExpressionBuilder>(
  query: Query,
  { matches, matchesNone }: Precondition,
): Query {
  if (matches !== null && matches !== 'any') query.andWhere(...isOneOf(matches));
  if (matchesNone === 'any') query.andWhere(NEVER);
  else if (matchesNone?.length) query.andWhere('version NOT IN (:...matchesNone)', { matchesNone });
  return query;
}

const NEVER = '1 = 0';

/** PostgreSQL has no empty lists. */
function isOneOf(matches: readonly number[]): [condition: string, parameters?: ObjectLiteral] {
  return matches.length === 0 ? [NEVER] : ['version IN (:...matches)', { matches }];
}
