import { Body, Controller, Module, Post } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Min } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FitsColumn } from '../../src/validation/decorators.js';
import {
  Column,
  Entity,
  type MigrationInterface,
  PrimaryGeneratedColumn,
  type QueryRunner,
  Table,
} from 'typeorm';
import { boundsOf } from '../../src/validation/integer-column.js';

import { Database } from '../../src/database/database.js';
import { Public } from '../../src/access/require-token.decorator.js';
import { crate } from '../support/fixture/crates.js';
import { addMigration } from '../support/migration-source.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

/** The entity of an added feature. */
@Entity('probes')
class Probe {
  @PrimaryGeneratedColumn()
  id: number;

  @Column('int')
  count: number;

  @Column('bigint')
  total: number;

  @Column('smallint')
  few: number;

  @Column()
  inferred: number;

  @Column('varchar')
  name: string;
}

class CreateProbes1900000000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const id = { name: 'id', type: 'integer', isPrimary: true, isGenerated: true };
    const types = {
      count: 'integer',
      total: 'bigint',
      few: 'smallint',
      inferred: 'integer',
      name: 'varchar',
    };
    const columns = Object.entries(types).map(([name, type]) => ({ name, type }));
    await runner.createTable(
      new Table({
        name: 'probes',
        columns: [{ ...id, generationStrategy: 'increment' }, ...columns],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('probes');
  }
}
addMigration(CreateProbes1900000000100);

class LargerProbe extends Probe {}

class CreateProbe {
  @IsInt()
  @Min(0)
  @FitsColumn(Probe, 'count')
  @ApiProperty({ example: 1 })
  count: number;

  @IsInt()
  @Min(0)
  @FitsColumn(Probe, 'total')
  @ApiProperty({ example: 1 })
  total: number;

  @IsInt()
  @Min(-1e9)
  @FitsColumn(Probe, 'few')
  @ApiProperty({ example: 1 })
  few: number;
}

@Controller('probes')
class ProbesController {
  constructor(private readonly database: Database) {}

  @Post()
  @Public()
  async create(@Body() { count, total, few }: CreateProbe): Promise<object> {
    await this.database.write((manager) =>
      manager.insert(Probe, { count, total, few, inferred: 1, name: 'probe' }),
    );
    return { count, total, few };
  }
}

@Module({ controllers: [ProbesController] })
class ProbesModule {}

const INT = { min: -2_147_483_648, max: 2_147_483_647 };
const BEYOND = 3_000_000_000;
const TOO_LARGE = 'Must be less than or equal to 2147483647.';

describe('An integer beyond its column', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await bootFixtureApp({}, { imports: [ProbesModule] });
    token = (await app.login({ name: 'user', password: 'password' })).access;
  });
  afterAll(() => app.close());

  const create = (values: object) =>
    app.send('POST', '/probes', { json: { count: 1, total: 1, few: 1, ...values } });

  it.each([
    [{ count: BEYOND }, { count: [TOO_LARGE] }],
    [{ total: 2 ** 53 }, { total: ['Must be less than or equal to 9007199254740991.'] }],
    [{ few: 32_768 }, { few: ['Must be less than or equal to 32767.'] }],
    [{ few: -32_769 }, { few: ['Must be greater than or equal to -32768.'] }],
  ])('refuses an integer beyond its column in a body: %j', async (values, message) => {
    const { status, body } = await create(values);
    expect([status, body.message]).toEqual([400, message]);
  });

  it.each([{ count: 2_147_483_647 }, { total: Number.MAX_SAFE_INTEGER }, { few: -32_768 }])(
    'stores the largest or the smallest integer of a column: %j',
    async (values) => {
      const { status, body } = await create(values);
      expect([status, body]).toEqual([201, { count: 1, total: 1, few: 1, ...values }]);
    },
  );

  it.each(['/api/crates', '/api/users', '/api/scrolls'])(
    'refuses an integer beyond its column in a filter of %s',
    async (path) => {
      for (const [value, sentence] of [
        [BEYOND, TOO_LARGE],
        [-BEYOND, 'Must be greater than or equal to -2147483648.'],
      ]) {
        const { status, body } = await app.get(`${path}?id=${value}`, { token });
        expect([status, body.message]).toEqual([400, { id: [sentence] }]);
      }
    },
  );

  it('refuses an integer beyond its column in a cursor and as the id in a body', async () => {
    const cursor = Buffer.from(JSON.stringify(['id', BEYOND])).toString('base64url');
    const list = await app.get(`/api/crates?cursor=${cursor}`);
    expect([list.status, list.body.message]).toEqual([400, { cursor: ['Not a valid cursor.'] }]);
    const json = { ...crate, id: BEYOND };
    const { status, body } = await app.send('PUT', '/api/crates/1', { token, json });
    expect([status, body.message]).toEqual([400, { id: [TOO_LARGE] }]);
  });

  it('documents the smallest and the largest integer of a column', async () => {
    const { body } = await app.get<{
      paths: Record<string, { get: { parameters: { name: string; schema: object }[] } }>;
      components: { schemas: Record<string, { properties: Record<string, object> }> };
    }>('/docs/openapi.json');
    const filter = (name: string) =>
      body.paths['/api/crates']!.get.parameters.find((each) => each.name === name)!.schema;
    expect(filter('id')).toMatchObject({ format: 'int32', minimum: INT.min, maximum: INT.max });
    expect(filter('count')).toMatchObject({ format: 'int64', maximum: Number.MAX_SAFE_INTEGER });
    const { properties } = body.components.schemas.CreateProbe!;
    expect(properties.count).toMatchObject({ format: 'int32', minimum: 0, maximum: INT.max });
    expect(properties.few).toMatchObject({ minimum: -32_768, maximum: 32_767 });
  });
});

describe('boundsOf', () => {
  it.each(['id', 'count', 'inferred'])(
    'returns the bounds of 32 bits for the property %s',
    (property) => {
      expect(boundsOf([Probe, property])).toEqual(INT);
      expect(boundsOf([LargerProbe, property])).toEqual(INT);
    },
  );

  it.each(['name', 'nothing'])(
    'throws for the property %s, which is not an integer column',
    (property) => {
      expect(() => boundsOf([Probe, property])).toThrow(
        `Probe.${property} is not an integer column.`,
      );
    },
  );
});
