import { describe, expect, it } from '@jest/globals';
import {
  lacksVersion,
  NO_PRECONDITION,
  onlyIfMet,
  type Precondition,
  refuseUnmet,
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

describe('onlyIfMet', () => {
  const start = { sql: 'id = :id', values: { id: 1 } };
  const conditionOf = (precondition: Partial<Precondition>) =>
    onlyIfMet(start, given(precondition));
  const and = (sql: string, values: Record<string, number> = {}) => ({
    sql: `id = :id AND ${sql}`,
    values: { id: 1, ...values },
  });

  it.each<Partial<Precondition>>([{}, { matches: 'any' }, { matchesNone: [] }])(
    'adds no condition for %j',
    (precondition) => {
      expect(conditionOf(precondition)).toEqual(start);
    },
  );

  it('compares the version with each of a list', () => {
    const required = 'version IN (:matches_0, :matches_1)';
    const excluded = 'version NOT IN (:matchesNone_0)';
    expect(conditionOf({ matches: [4, 5] })).toEqual(and(required, { matches_0: 4, matches_1: 5 }));
    const withoutSix = and(excluded, { matchesNone_0: 6 });
    expect(conditionOf({ matchesNone: [6] })).toEqual(withoutSix);
    expect(conditionOf({ matches: 'any', matchesNone: [6] })).toEqual(withoutSix);
    expect(conditionOf({ matches: [4, 5], matchesNone: [6] })).toEqual(
      and(`${required} AND ${excluded}`, { matches_0: 4, matches_1: 5, matchesNone_0: 6 }),
    );
  });

  it.each<Partial<Precondition>>([
    { matches: [] },
    { matches: [], matchesNone: [6] },
    { matchesNone: 'any' },
    { matches: [4], matchesNone: 'any' },
  ])('finds no row for %j, without an empty list, which PostgreSQL refuses', (precondition) => {
    expect(conditionOf(precondition)).toEqual(and('1 = 0'));
  });
});
