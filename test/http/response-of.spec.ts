import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { describe, expect, it } from '@jest/globals';
import { RowVersion } from '../../src/database/versions/row-version.js';
import { versionOf } from '../../src/http/conditional/conditional-requests.js';
import { example, ResponseOf } from '../../src/http/response-of.js';

@Entity('answered_rows')
class AnsweredRow {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('varchar', { name: 'ship_class', nullable: true })
  shipClass: string | null;

  @Column('bigint')
  length: number;

  @Column('boolean')
  active: boolean;

  @Column()
  hidden: boolean;

  @Column('simple-json')
  roles: string[];

  @Column('varchar', { select: false })
  secret: string;

  @Column('float')
  ratio: number;
}

@Entity('versioned_rows')
class VersionedRow {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @RowVersion()
  version: number;
}

/** Its column has the name of a version, but is none. */
@Entity('edited_rows')
class EditedRow {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('bigint')
  version: number;
}

class RowResponse extends ResponseOf(AnsweredRow, {
  id: 16,
  ship_class: 'Cruiser',
  length: example(1600, 'In metres.'),
  active: true,
  hidden: false,
  roles: ['Carrier'],
}) {}

const schemaOf = (name: string): unknown =>
  Reflect.getMetadata('swagger/apiModelProperties', RowResponse.prototype, name);

describe('ResponseOf', () => {
  it('sends the named columns by their names, and no other column', () => {
    const row = {
      ...{ id: 1, shipClass: null, length: 2, active: false, hidden: true, roles: ['a'] },
      ...{ secret: 'hidden', ratio: 0.5 },
    };
    expect(RowResponse.from(row)).toEqual({
      ...{ id: 1, ship_class: null, length: 2, active: false, hidden: true, roles: ['a'] },
    });
  });

  it('names its fields in their order', () => {
    expect(RowResponse.fields).toEqual([
      ...['id', 'ship_class', 'length', 'active', 'hidden', 'roles'],
    ]);
  });

  it('gives a response the version of its row, which is no field', () => {
    const response = ResponseOf(VersionedRow, { id: 1 }).from({ id: 3, version: 5 });
    expect(versionOf(response)).toBe(5);
    expect(Object.entries(response)).toEqual([['id', 3]]);
  });

  it('gives a response no version if the entity declares none', () => {
    const response = ResponseOf(EditedRow, { id: 1 }).from({ id: 3, version: 5 });
    expect(versionOf(response)).toBeUndefined();
  });

  it.each([
    ['id', { type: 'integer', format: 'int32', example: 16 }],
    [
      'ship_class',
      { oneOf: [{ type: 'string' }, { type: 'null' }], type: Object, example: 'Cruiser' },
    ],
    ['length', { type: 'integer', format: 'int64', example: 1600, description: 'In metres.' }],
    ['active', { type: 'boolean', example: true }],
    ['hidden', { type: 'boolean', example: false }],
    ['roles', { type: 'array', items: { type: 'string' }, example: ['Carrier'] }],
  ])('documents the type of the column %s', (name, schema) => {
    expect(schemaOf(name)).toMatchObject(schema);
  });

  it('refuses a name that is no column, and names both', () => {
    expect(() => ResponseOf(AnsweredRow, { shipClass: '' })).toThrow(
      'AnsweredRow has no column shipClass.',
    );
  });

  it('refuses a type that it cannot document, and names the property', () => {
    expect(() => ResponseOf(AnsweredRow, { ratio: 1 })).toThrow(
      'Responses do not support the type of AnsweredRow.ratio.',
    );
  });
});
