import { describe, expect, it } from '@jest/globals';
import type { ObjectLiteral, WhereExpressionBuilder } from 'typeorm';
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
  /** The conditions that a precondition adds to a statement. */
  const conditionsOf = (precondition: Partial<Precondition>) => {
    const conditions: [unknown, ObjectLiteral?][] = [];
    const query: Partial<WhereExpressionBuilder> = {
      andWhere: (...condition: [unknown, ObjectLiteral?]) => {
        conditions.push(condition);
        return query as WhereExpressionBuilder;
      },
    };
    expect(onlyIfMet(query as WhereExpressionBuilder, given(precondition))).toBe(query);
    return conditions;
  };

  it.each<Partial<Precondition>>([{}, { matches: 'any' }, { matchesNone: [] }])(
    'adds no condition for %j',
    (precondition) => {
      expect(conditionsOf(precondition)).toEqual([]);
    },
  );

  it('compares the version with each of a list', () => {
    const [matches, matchesNone] = [
      [4, 5],
      [6, 7],
    ];
    expect(conditionsOf({ matches, matchesNone })).toEqual([
      ['version IN (:...matches)', { matches }],
      ['version NOT IN (:...matchesNone)', { matchesNone }],
    ]);
  });

  it.each<Partial<Precondition>>([{ matches: [] }, { matchesNone: 'any' }])(
    'finds no row for %j, without an empty list, which PostgreSQL refuses',
    (precondition) => {
      expect(conditionsOf(precondition)).toEqual([['1 = 0']]);
    },
  );
});
