import { describe, expect, it } from '@jest/globals';
import type { WhereExpressionBuilder } from 'typeorm';
import {
  lacksVersion,
  NO_PRECONDITION,
  onlyIfMet,
  type Precondition,
  refuseUnmet,
  versionCondition,
} from '../../../src/database/versions/precondition.js';

const given = (precondition: Partial<Precondition>): Precondition => ({
  ...NO_PRECONDITION,
  ...precondition,
});
const [failed, required] = ['precondition_failed', 'precondition_required'];

describe('refuseUnmet', () => {
  it.each<Partial<Precondition>>([
    {},
    { matches: [4, 5] },
    { matches: 'any' },
    { matchesNone: [4, 6] },
    { matchesNone: [] },
    { matches: [5], matchesNone: [4], isRequired: true },
    { matches: 'any', isRequired: true },
  ])('accepts a row of the version 5 with %j', (precondition) => {
    expect(() => refuseUnmet(given(precondition), 5)).not.toThrow();
  });

  it.each<[Partial<Precondition>, string]>([
    [{ matches: [4] }, failed],
    [{ matches: [] }, failed],
    [{ matchesNone: [4, 5] }, failed],
    [{ matchesNone: 'any' }, failed],
    [{ matches: [5], matchesNone: [5] }, failed],
    [{ matches: [4], matchesNone: [4] }, failed],
    [{ matches: [4], isRequired: true }, failed],
    [{ isRequired: true }, required],
    [{ matchesNone: [5], isRequired: true }, required],
  ])('refuses a row of the version 5 with %j: %s', (precondition, code) => {
    expect(() => refuseUnmet(given(precondition), 5)).toThrow(expect.objectContaining({ code }));
  });
});

describe('lacksVersion', () => {
  it.each<[Partial<Precondition>, boolean]>([
    [{}, false],
    [{ isRequired: true }, true],
    [{ isRequired: true, matchesNone: [5] }, true],
    [{ isRequired: true, matches: [] }, false],
    [{ matches: [5] }, false],
  ])('with %j is %j', (precondition, lacks) => {
    expect(lacksVersion(given(precondition))).toBe(lacks);
  });
});

describe('versionCondition', () => {
  const conditionOf = (precondition: Partial<Precondition>) =>
    versionCondition(given(precondition));

  it.each<Partial<Precondition>>([{}, { matches: 'any' }, { matchesNone: [] }])(
    'is no condition for %j',
    (precondition) => {
      expect(conditionOf(precondition)).toBeNull();
    },
  );

  it('compares the version with each of a list', () => {
    const required = {
      sql: 'version IN (:matches_0, :matches_1)',
      values: { matches_0: 4, matches_1: 5 },
    };
    const excluded = { sql: 'version NOT IN (:matchesNone_0)', values: { matchesNone_0: 6 } };
    expect(conditionOf({ matches: [4, 5] })).toEqual(required);
    expect(conditionOf({ matchesNone: [6] })).toEqual(excluded);
    expect(conditionOf({ matches: 'any', matchesNone: [6] })).toEqual(excluded);
    expect(conditionOf({ matches: [4, 5], matchesNone: [6] })).toEqual({
      sql: `${required.sql} AND ${excluded.sql}`,
      values: { ...required.values, ...excluded.values },
    });
  });

  it.each<Partial<Precondition>>([
    { matches: [] },
    { matches: [], matchesNone: [6] },
    { matchesNone: 'any' },
    { matches: [4], matchesNone: 'any' },
  ])('finds no row for %j, without an empty list, which PostgreSQL refuses', (precondition) => {
    expect(conditionOf(precondition)).toEqual({ sql: '1 = 0', values: {} });
  });
});

describe('onlyIfMet', () => {
  it('adds the condition to a statement, if there is one', () => {
    const conditions: unknown[] = [];
    const query: Partial<WhereExpressionBuilder> = {
      andWhere: (...condition: unknown[]) => {
        conditions.push(condition);
        return query as WhereExpressionBuilder;
      },
    };
    for (const precondition of [given({}), given({ matches: [4] })]) {
      expect(onlyIfMet(query as WhereExpressionBuilder, precondition)).toBe(query);
    }
    expect(conditions).toEqual([['version IN (:matches_0)', { matches_0: 4 }]]);
  });
});
