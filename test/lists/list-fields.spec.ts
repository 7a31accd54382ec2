import { Column, Entity, getMetadataArgsStorage, Index, PrimaryGeneratedColumn } from 'typeorm';
import { describe, expect, it } from '@jest/globals';
import { InvalidParameter } from '../../src/lists/list-field.js';
import { listFields } from '../../src/lists/list-fields.js';
import { SortIndexes } from '../../src/lists/sort-indexes.decorator.js';

@Entity('listed_rows')
class ListedRow {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Index('listed_rows_name_key', { unique: true })
  @Column({ type: 'varchar', length: 80 })
  name: string;

  @Index('listed_rows_nickname_idx')
  @Column({ type: 'varchar', length: 80, nullable: true })
  nickname: string | null;

  @Column('text')
  title: string;

  @Index('listed_rows_summary_idx')
  @Column('text')
  summary: string;

  @Column('smallint', { nullable: true })
  size: number | null;

  @Index('listed_rows_weight_idx', { where: 'weight > 0' })
  @Column('integer')
  weight: number;

  @Column('boolean', { name: 'is_active' })
  isActive: boolean;

  @Column('simple-json')
  tags: string[];

  @Column('float')
  ratio: number;
}

@Entity('sorted_rows')
@SortIndexes('sorted_rows')
class SortedRow {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('text', { name: 'long_title' })
  title: string;

  @Column('smallint', { nullable: true })
  size: number | null;

  @Column('boolean')
  active: boolean;
}

const sorted = listFields(SortedRow, ['long_title', 'size', 'active']);

const fields = listFields(ListedRow, [
  ...(['id', 'name', 'nickname', 'title', 'summary', 'size', 'weight'] as const),
  ...(['is_active', 'tags'] as const),
]);

const messageOf = (value: unknown) => (value instanceof InvalidParameter ? value.message : value);

describe('listFields', () => {
  it('names fields after the columns of the database, and reads their properties', () => {
    expect(fields.is_active.property).toBe('isActive');
    expect(fields.name.property).toBe('name');
  });

  it('takes the range of integers from the type of the column', () => {
    expect(fields.size.parse('32767')).toBe(32767);
    expect(messageOf(fields.size.parse('32768'))).toBe('Must be less than or equal to 32767.');
  });

  it('sorts null before the smallest integer and before every text', () => {
    expect(fields.size.key!.of(null)).toBe(-32769);
    expect(fields.size.key!.least).toBe(-32769);
    expect(fields.size.key!.sql('item.size')).toBe('COALESCE(item.size, -32769)');
    expect(fields.nickname.key!.of(null)).toBe('');
    expect(fields.weight.key!.sql('item.weight')).toBe('item.weight');
  });

  it.each([
    ['true', { sql: 'item.isActive', values: {} }],
    ['false', { sql: 'NOT item.isActive', values: {} }],
  ])('filters a boolean by %s', (value, condition) => {
    const { parse, condition: conditionOf } = fields.is_active;
    const parsed = parse(value) as string;
    expect(conditionOf('item.isActive', 'is_active', parsed, null as never)).toEqual(condition);
  });

  it.each(['null', '1', 'TRUE'])('refuses %s as a filter of a boolean', (value) => {
    expect(messageOf(fields.is_active.parse(value))).toBe('Must be one of: true, false.');
  });

  it.each(['is_active', 'tags'] as const)('has no sort key for %s', (name) => {
    expect(fields[name].key).toBeUndefined();
  });

  it.each([
    ['the primary key', 'id', true],
    ['a short text with an index', 'name', true],
    ['a long text without an index', 'title', false],
    ['a nullable column whose index does not hold the sort key', 'nickname', false],
    ['a long text whose index does not hold the sort key', 'summary', false],
    ['a column with a partial index', 'weight', false],
    ['a column without an index', 'is_active', false],
  ] as const)('knows whether an index serves %s', (_, name, isIndexed) => {
    expect(fields[name].isIndexed).toBe(isIndexed);
  });

  it.each([
    ['a long text', 'long_title', true],
    ['a nullable integer', 'size', true],
    ['a boolean', 'active', false],
  ] as const)('knows whether @SortIndexes() serves %s', (_, name, isIndexed) => {
    expect(sorted[name].isIndexed).toBe(isIndexed);
  });

  it('declares an index for each text and integer, in both directions', () => {
    const names = getMetadataArgsStorage()
      .filterIndices(SortedRow)
      .map(({ name }) => name);
    expect(names.sort()).toEqual(
      ['long_title', 'size'].flatMap((name) => [
        `sorted_rows_${name}_asc_idx`,
        `sorted_rows_${name}_desc_idx`,
      ]),
    );
  });

  it('refuses a name that is no column, and names both', () => {
    expect(() => listFields(ListedRow, ['isActive'])).toThrow('ListedRow has no column isActive.');
  });

  it('refuses a type that lists do not support, and names the property', () => {
    expect(() => listFields(ListedRow, ['ratio'])).toThrow(
      'Lists do not support the type of ListedRow.ratio.',
    );
  });
});
