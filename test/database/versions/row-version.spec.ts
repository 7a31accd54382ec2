import * as crypto from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Entity, getMetadataArgsStorage, PrimaryColumn } from 'typeorm';

const randomInt = jest.fn<(min: number, max: number) => number>();
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, randomInt }));
const { hasRowVersion, newVersion, RowVersion, versionedTables } =
  await import('../../../src/database/versions/row-version.js');

@Entity('documents')
class Document {
  @PrimaryColumn('integer')
  id: number;

  @RowVersion()
  version: number;
}

@Entity('notes')
class Note {
  @PrimaryColumn('integer')
  id: number;
}

describe('Row versions', () => {
  beforeEach(() => {
    randomInt.mockReset();
  });

  it('are declared by @RowVersion, as a column of 64 bits that is 0 for earlier rows', () => {
    const columns = getMetadataArgsStorage().columns.filter(({ target }) => target === Document);
    expect(columns.find(({ propertyName }) => propertyName === 'version')?.options).toEqual({
      ...{ type: 'bigint', name: 'version', default: 0 },
    });
  });

  it('belong only to the entities that declare them', () => {
    expect([hasRowVersion(Document), hasRowVersion(Note)]).toEqual([true, false]);
  });

  it('belong to the tables of these entities', () => {
    expect(versionedTables()).toContain('documents');
    expect(versionedTables()).not.toContain('notes');
  });

  it('are random integers from 1 to 2^48 - 2', () => {
    randomInt.mockImplementationOnce((min) => min).mockImplementationOnce((_, max) => max - 1);
    expect([newVersion(), newVersion()]).toEqual([1, 2 ** 48 - 2]);
  });

  it('are within the range that Node can choose from', () => {
    randomInt.mockImplementation(crypto.randomInt);
    const versions = Array.from({ length: 100 }, () => newVersion());
    expect(new Set(versions).size).toBe(100);
    expect(versions.every((version) => version > 0 && version < 2 ** 48)).toBe(true);
  });
});
