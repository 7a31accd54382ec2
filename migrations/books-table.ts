import { type QueryRunner, TableForeignKey } from 'typeorm';

const OWNER = 'books_user_id_fkey';

/** The text columns, with their SQL types. */
export const BOOK_TEXTS = {
  name: 'varchar(255)',
  author: 'varchar(255)',
  publisher: 'varchar(255)',
};

/** Drops the foreign key that deletes all books of a user in the same write as the user. */
export async function dropBookOwner(runner: QueryRunner): Promise<void> {
  await keepingBookIds(runner, () => runner.dropForeignKey('books', OWNER));
}

export async function createBookOwner(runner: QueryRunner): Promise<void> {
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
