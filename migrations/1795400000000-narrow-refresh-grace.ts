import { type MigrationInterface, type QueryRunner, TableColumn, TableIndex } from 'typeorm';

/** @param no the value false in the form that the engine uses for a default */
const columns = (no: boolean | number) => [
  new TableColumn({ name: 'spent_range', type: 'varchar', length: '64', isNullable: true }),
  new TableColumn({ name: 'spent_agent', type: 'varchar', length: '255', isNullable: true }),
  new TableColumn({ name: 'repeats', type: 'integer', default: 0 }),
  new TableColumn({ name: 'repeated_elsewhere', type: 'boolean', default: no }),
  new TableColumn({ name: 'repeated_by', type: 'text', isNullable: true }),
  new TableColumn({ name: 'password_attempts', type: 'integer', default: 0 }),
];

const subject = new TableIndex({ name: 'sessions_subject_idx', columnNames: ['subject'] });

const indices = [
  new TableIndex({
    name: 'sessions_subject_last_used_at_idx',
    columnNames: ['subject', 'last_used_at'],
  }),
  new TableIndex({
    name: 'sessions_live_idx',
    columnNames: ['subject', 'last_used_at'],
    where: 'ended_at IS NULL',
  }),
  new TableIndex({
    name: 'sessions_successor_idx',
    columnNames: ['spent_at'],
    where: 'successor IS NOT NULL',
  }),
];

/**
 * Adds the columns that decide whether a repeated refresh is accepted, the number of attempts of
 * the current password in a session, and the indexes for quotas and for the erasure of successors.
 * Existing successors are erased, because they were sealed without a secret from outside the
 * database.
 */
export class NarrowRefreshGrace1795400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { type } = runner.connection.options;
    await runner.addColumns('sessions', columns(type === 'postgres' ? false : 0));
    await runner.query('UPDATE sessions SET successor = NULL');
    await runner.dropIndex('sessions', subject.name!);
    await runner.createIndices('sessions', indices);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { name } of indices) await runner.dropIndex('sessions', name!);
    await runner.createIndex('sessions', subject);
    await runner.dropColumns(
      'sessions',
      columns(0).map(({ name }) => name),
    );
  }
}
