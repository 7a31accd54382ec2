import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';
import { createBookOwner, dropBookOwner } from './books-table.js';

/**
 * Creates a table with the ids of deleted users whose rows are not yet removed. The service deletes
 * the rows in batches after the user, so that no single write deletes them all. A foreign key would.
 */
export class RemoveUsersInBatches1795410000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'user_removals',
        columns: [{ name: 'user_id', type: 'integer', isPrimary: true }],
      }),
    );
    await dropBookOwner(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await createBookOwner(runner);
    await runner.dropTable('user_removals');
  }
}
