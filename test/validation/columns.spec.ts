import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { describe, expect, it } from '@jest/globals';
import { columnNamed, columnsOf, valuesOf } from '../../src/validation/columns.js';

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

class RowBody {
  id?: number;
  ship_class?: string;
  size: number;
}

describe('columnsOf', () => {
  it('returns the columns of an entity and of the class that it extends', () => {
    const names = columnsOf(DescribedRow).map(({ name }) => name);
    expect(names.sort()).toEqual(['id', 'ship_class', 'size']);
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
