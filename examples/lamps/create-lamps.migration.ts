import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';
import { createSortIndexes } from '../../migrations/sort-indexes.js';

/** Copy it to `migrations/1796000000001-create-lamps.ts`. */
export class CreateLamps1796000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'lamps',
        columns: [
          {
            ...{ name: 'id', type: 'integer', isPrimary: true },
            ...{ isGenerated: true, generationStrategy: 'increment' },
          },
          { name: 'version', type: 'bigint', default: 0 },
          { name: 'colour', type: 'integer' },
          { name: 'created_at', type: 'bigint' },
        ],
        indices: [new TableIndex({ name: 'lamps_created_at_idx', columnNames: ['created_at'] })],
      }),
    );
    await createSortIndexes(runner, 'lamps', {
      colour: '"colour"',
      created_at: '"created_at"',
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('lamps');
  }
}
