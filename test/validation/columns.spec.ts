import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { describe, expect, it } from '@jest/globals';
import {
  changesOf,
  columnNamed,
  columnsOf,
  isTextType,
  valuesOf,
} from '../../src/validation/columns.js';

class Numbered {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;
}

@Entity('described_rows')
class DescribedRow extends Numbered {
  @Column('varchar', { name: 'ship_class', length: 80, nullable: true })
  shipClass: string | null;

  @Column()
  size: number;
}

@Entity('other_rows')
class OtherRow extends Numbered {
  @Column('text')
  other: string;
}

class RowBody {
  id?: number;
  ship_class?: string;
  size: number;
}

describe('columnsOf', () => {
  it('returns the columns of an entity and of the class that it extends', () => {
    const names = columnsOf(DescribedRow).map(({ name }) => name);
    expect(names.sort()).toEqual(['id', 'ship_class', 'size']);
    expect(columnsOf(OtherRow).map(({ name }) => name)).not.toContain('size');
  });

  it('reads the columns of an entity once', () => {
    expect(columnsOf(DescribedRow)).toBe(columnsOf(DescribedRow));
  });

  it('returns what the decorators declare', () => {
    expect(columnNamed(DescribedRow, 'ship_class')).toEqual({
      ...{ property: 'shipClass', name: 'ship_class', type: 'varchar', nullable: true, length: 80 },
    });
    expect(columnNamed(DescribedRow, 'size')).toEqual({
      ...{ property: 'size', name: 'size', type: Number, nullable: false, length: Infinity },
    });
  });
});

describe('isTextType', () => {
  it.each([['varchar'], ['text'], [String]])('is true for a column of the type %p', (type) => {
    expect(isTextType(type)).toBe(true);
  });

  it.each([['integer'], ['simple-json'], [Number], [undefined]])(
    'is false for a column of the type %p',
    (type) => {
      expect(isTextType(type)).toBe(false);
    },
  );
});

describe('changesOf', () => {
  it('returns only the values that a partial body names, without the id', () => {
    const body: Partial<RowBody> = Object.assign(new RowBody(), { id: 7, size: 3 });
    expect(Object.entries(changesOf(DescribedRow, body))).toEqual([['size', 3]]);
    body.ship_class = 'Cruiser';
    expect(changesOf(DescribedRow, body)).toEqual({ shipClass: 'Cruiser', size: 3 });
  });

  it('returns null for a field that a partial body sets to null', () => {
    expect(changesOf(DescribedRow, { ship_class: null })).toEqual({ shipClass: null });
  });

  it('returns no values for an empty body', () => {
    expect(Object.entries(changesOf(DescribedRow, {}))).toEqual([]);
  });

  it('refuses a field of a partial body that is no column, and names both', () => {
    expect(() => changesOf(DescribedRow, { crew: 1 })).toThrow('DescribedRow has no column crew.');
  });
});

describe('valuesOf', () => {
  it('returns the values of a body by the properties of the entity, without the id', () => {
    const body = Object.assign(new RowBody(), { id: 7, ship_class: 'Cruiser', size: 3 });
    expect(valuesOf(DescribedRow, body)).toEqual({ shipClass: 'Cruiser', size: 3 });
  });

  it('returns null for a field that the body omits, so that a PUT replaces it', () => {
    const body = Object.assign(new RowBody(), { size: 3 });
    expect(valuesOf(DescribedRow, body)).toEqual({ shipClass: null, size: 3 });
  });

  it('refuses a field that is no column, and names both', () => {
    expect(() => valuesOf(DescribedRow, { crew: 1 })).toThrow('DescribedRow has no column crew.');
  });
});
