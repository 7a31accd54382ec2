import { type MigrationInterface, type QueryRunner, Table, TableForeignKey } from 'typeorm';

const OWNER = 'books_user_id_fkey';

/**
 * Replaces the foreign key that deleted all books together with their user. The service now deletes
 * the books in batches after the user, so that no single write deletes them all. `user_removals`
 * holds the ids of deleted users whose rows are not yet removed.
 */
export class RemoveUsersInBatches1795410000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'user_removals',
        columns: [{ name: 'user_id', type: 'integer', isPrimary: true }],
      }),
    );
    await keepingBookIds(runner, () => runner.dropForeignKey('books', OWNER));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM "books" WHERE "user_id" NOT IN (SELECT "id" FROM "users")');
    await keepingBookIds(runner, () =>
      runner.createForeignKey(
        'books',
        new TableForeignKey({
          name: OWNER,
          columnNames: ['user_id'],
          referencedTableName: 'users',
          referencedColumnNames: ['id'],
          onDelete: 'CASCADE',
        }),
      ),
    );
    await runner.dropTable('user_removals');
  }
}

/** SQLite rebuilds the table, after which new books would get the ids of the last deleted books. */
async function keepingBookIds(runner: QueryRunner, alter: () => Promise<void>): Promise<void> {
  if (runner.connection.options.type === 'postgres') return alter();
  const counter = `FROM "sqlite_sequence" WHERE "name" = 'books'`;
  const [before] = (await runner.query(`SELECT "seq" ${counter}`)) as { seq: number }[];
  await alter();
  if (!before) return;
  await runner.query(`DELETE ${counter}`);
  await runner.query(`INSERT INTO "sqlite_sequence" ("name", "seq") VALUES ('books', ?)`, [
    before.seq,
  ]);
}
