import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.js';
import { NO_PRECONDITION, type Precondition } from '../../src/database/versions/precondition.js';
import { Rows, type Values } from '../../src/database/rows.js';
import { Crate } from '../support/fixture/crate.entity.js';
import { Scroll } from '../support/fixture/scroll.entity.js';
import { openSqlite } from '../support/sqlite.js';

const crate: Values<Crate> = {
  ...{ label: 'Apples', kind: 'Fruit', packedBy: 'Ada', count: 80, weight: 12_000 },
  tags: ['cool', 'stackable'],
};
const pears: Values<Crate> = { ...crate, label: 'Pears', packedBy: 'Cem', tags: [] };
const scroll: Values<Scroll> = { ownerId: 7, title: 'Heir', topic: 'Office', priority: 2 };
const missing = { code: 'not_found' };
const failed = { code: 'precondition_failed' };

/** What a client requires of a row with this version. */
type Required = (version: number) => Partial<Precondition>;

describe('Rows', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let rows: Rows<Crate>;
  let scrolls: Rows<Scroll>;
  let ofOwner: Rows<Scroll, 'ownerId'>;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    rows = new Rows(database, Crate);
    scrolls = new Rows(database, Scroll);
    ofOwner = new Rows(database, Scroll, {
      scope: ['ownerId'],
      condition: ':ownerId <> 9',
    });
  });
  afterAll(() => drop());
  beforeEach(() => database.write((manager) => manager.clear(Scroll)));

  const plain = (row: object | undefined) => row && { ...row };
  const version = expect.any(Number) as unknown as number;

  it('finds, replaces and deletes a row that it has inserted', async () => {
    const { id } = await rows.insert(crate);
    const other = await rows.insert(crate);
    expect(plain(await rows.find(id))).toEqual({ ...crate, id, version });
    expect(plain(await rows.get(id))).toEqual({ ...crate, id, version });
    const replaced = await rows.replace(id, pears, NO_PRECONDITION);
    expect(replaced).toEqual({ ...pears, id, version });
    expect(plain(await rows.find(id))).toEqual(replaced);
    expect(plain(await rows.find(other.id))).toEqual(other);
    await rows.delete(id, NO_PRECONDITION);
    await expect(rows.delete(id, NO_PRECONDITION)).rejects.toMatchObject(missing);
    expect(await rows.find(id)).toBeUndefined();
    await expect(rows.replace(id, crate, NO_PRECONDITION)).rejects.toMatchObject(missing);
    expect(plain(await rows.find(other.id))).toEqual(other);
  });

  it('patches only the named values, and returns the whole row', async () => {
    const { id } = await rows.insert(crate);
    const other = await rows.insert(crate);
    const changes = { packedBy: 'Ben', tags: ['heavy'] };
    const patched = await rows.patch(id, changes, NO_PRECONDITION);
    expect(plain(patched)).toEqual({ ...crate, ...changes, id, version });
    expect(plain(await rows.find(id))).toEqual(plain(patched));
    expect(plain(await rows.find(other.id))).toEqual(other);
  });

  it('finds no row with an id that is too large for a row', async () => {
    const id = 2 ** 40;
    expect(await rows.find(id)).toBeUndefined();
    await expect(rows.get(id)).rejects.toMatchObject(missing);
    await expect(rows.replace(id, crate, NO_PRECONDITION)).rejects.toMatchObject(missing);
    await expect(rows.patch(id, { count: 1 }, NO_PRECONDITION)).rejects.toMatchObject(missing);
    await expect(rows.delete(id, NO_PRECONDITION)).rejects.toMatchObject(missing);
  });

  it.each([
    ['another value of the scope', 8, 7],
    ['values that do not meet the condition', 9, 9],
  ])('finds, replaces and deletes no row with %s', async (_, ownerId, stored) => {
    const added = await scrolls.insert({ ...scroll, ownerId: stored });
    const { id } = added;
    const next = { ...scroll, title: 'Dark' };
    const current: Precondition = { ...NO_PRECONDITION, matches: [added.version] };
    const outdated: Precondition = { ...NO_PRECONDITION, matches: [added.version + 1] };
    const absent: Precondition = { ...NO_PRECONDITION, isRequired: true };
    expect(await ofOwner.find(id, { ownerId })).toBeUndefined();
    await expect(ofOwner.get(id, { ownerId })).rejects.toMatchObject(missing);
    for (const given of [NO_PRECONDITION, current, outdated, absent]) {
      for (const change of [
        () => ofOwner.replace(id, next, given, { ownerId }),
        () => ofOwner.patch(id, { title: 'Dark' }, given, { ownerId }),
        () => ofOwner.patch(id, {}, given, { ownerId }),
        () => ofOwner.delete(id, given, { ownerId }),
      ]) {
        await expect(change()).rejects.toMatchObject(missing);
      }
    }
    expect(plain(await scrolls.find(id))).toEqual(added);
  });

  it('finds, replaces and deletes a row with the values of the scope', async () => {
    const [added, scope] = [await ofOwner.insert(scroll), { ownerId: 7 }];
    const { id } = added;
    expect(plain(await ofOwner.find(id, scope))).toEqual({ ...scroll, id, version });
    // The values of a client do not name the owner.
    const values = { title: 'Dark', topic: 'Home', priority: null } as Values<Scroll>;
    const current: Precondition = { ...NO_PRECONDITION, matches: [added.version] };
    const replaced = await ofOwner.replace(id, values, current, scope);
    expect(replaced).toEqual({ ...values, ownerId: 7, id, version });
    expect(plain(await scrolls.find(id))).toEqual(replaced);
    await expect(ofOwner.delete(id, current, scope)).rejects.toMatchObject(failed);
    const patched = await ofOwner.patch(id, { priority: 1 }, NO_PRECONDITION, scope);
    expect(plain(patched)).toEqual({ ...values, priority: 1, ownerId: 7, id, version });
    await ofOwner.delete(id, NO_PRECONDITION, scope);
    expect(await scrolls.find(id)).toBeUndefined();
  });

  describe('Versions', () => {
    it('gives a row a new version with each insert, replacement and patch, even if the values stay the same', async () => {
      const other = await rows.insert(crate);
      const added = await rows.insert(crate);
      const { id } = added;
      const versions = [other.version, added.version];
      for (const change of [
        () => rows.replace(id, crate, NO_PRECONDITION),
        () => rows.replace(id, crate, NO_PRECONDITION),
        () => rows.patch(id, { label: crate.label }, NO_PRECONDITION),
        () => rows.patch(id, { label: crate.label }, NO_PRECONDITION),
      ]) {
        const changed = await change();
        expect(plain(await rows.find(id))).toEqual({ ...crate, id, version: changed.version });
        versions.push(changed.version);
      }
      expect(new Set(versions).size).toBe(6);
      for (const each of versions) {
        expect(Number.isInteger(each) && each > 0 && each < 2 ** 48).toBe(true);
      }
      expect(plain(await rows.find(other.id))).toEqual(other);
    });

    it('keeps the version of a row that is patched without values', async () => {
      const added = await rows.insert(crate);
      expect(plain(await rows.patch(added.id, {}, NO_PRECONDITION))).toEqual(added);
      expect(plain(await rows.find(added.id))).toEqual(added);
    });
  });

  type Change = (id: number, precondition: Precondition) => Promise<unknown>;

  /** Each change, with the label of the row after it. */
  const changes: [name: string, change: Change, after: string | undefined][] = [
    ['replace', (id, precondition) => rows.replace(id, pears, precondition), 'Pears'],
    ['patch', (id, precondition) => rows.patch(id, { label: 'Pears' }, precondition), 'Pears'],
    ['patch without values', (id, precondition) => rows.patch(id, {}, precondition), 'Apples'],
    ['delete', (id, precondition) => rows.delete(id, precondition), undefined],
  ];

  describe.each(changes)('The precondition of %s', (_, change, after) => {
    it.each<[string, Required]>([
      ['matches the current version', (current) => ({ matches: [current] })],
      ['matches one of several versions', (current) => ({ matches: [current + 1, current] })],
      ['matches any version', () => ({ matches: 'any' })],
      ['is required and matches', (current) => ({ matches: [current], isRequired: true })],
      ['is required and matches any version', () => ({ matches: 'any', isRequired: true })],
      ['excludes other versions', (current) => ({ matchesNone: [current + 1, current + 2] })],
      ['excludes no version', () => ({ matchesNone: [] })],
      [
        'matches, and excludes another version',
        (current) => ({ matches: [current], matchesNone: [current + 1] }),
      ],
    ])('is met if it %s', async (__, required) => {
      const added = await rows.insert(crate);
      await change(added.id, { ...NO_PRECONDITION, ...required(added.version) });
      expect((await rows.find(added.id))?.label).toBe(after);
    });

    it.each<[string, Required]>([
      ['matches another version', (current) => ({ matches: [current + 1] })],
      ['matches no version', () => ({ matches: [] })],
      ['is required and matches no version', () => ({ matches: [], isRequired: true })],
      ['excludes the current version', (current) => ({ matchesNone: [current] })],
      [
        'excludes the current version among others',
        (current) => ({ matchesNone: [current + 1, current] }),
      ],
      ['excludes any version', () => ({ matchesNone: 'any' })],
      [
        'matches and excludes the current version',
        (current) => ({ matches: [current], matchesNone: [current] }),
      ],
      [
        'matches and excludes another version',
        (current) => ({ matches: [current + 1], matchesNone: [current + 1] }),
      ],
    ])('fails and changes nothing if it %s', async (__, required) => {
      const added = await rows.insert(crate);
      const precondition = { ...NO_PRECONDITION, ...required(added.version) };
      await expect(change(added.id, precondition)).rejects.toMatchObject(failed);
      expect(plain(await rows.find(added.id))).toEqual(added);
    });

    it.each<[string, Required]>([
      ['no version', () => ({ isRequired: true })],
      ['only versions to exclude', (current) => ({ isRequired: true, matchesNone: [current + 1] })],
    ])('is required, and changes nothing if it names %s', async (__, required) => {
      const added = await rows.insert(crate);
      const precondition = { ...NO_PRECONDITION, ...required(added.version) };
      await expect(change(added.id, precondition)).rejects.toMatchObject({
        code: 'precondition_required',
      });
      expect(plain(await rows.find(added.id))).toEqual(added);
    });

    it.each<Partial<Precondition>>([
      {},
      { isRequired: true },
      { matches: [1] },
      { matches: 'any' },
      { matches: [] },
      { matchesNone: [1] },
      { matchesNone: 'any' },
    ])('does not matter for a missing row: %j', async (given) => {
      const precondition = { ...NO_PRECONDITION, ...given };
      await expect(change(2 ** 31 - 1, precondition)).rejects.toMatchObject(missing);
    });
  });
});
