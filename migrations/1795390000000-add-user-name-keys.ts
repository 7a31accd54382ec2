import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';

const INDEX = 'users_name_key_key';

/** Rows that are read and written together: two parameters each. */
const BATCH = 500;

/** Stands between a key and an id; see `nameKeyRange` in src/users/user-name.ts. */
const SEPARATOR = '\u0001';

/**
 * Gives every user the key by which names are compared. Of names that differ only in case the one
 * that was registered first gets the plain key, and each of the others its key with a control
 * character and the user's id behind it. So does every name that holds a control character itself:
 * a plain key never looks like one with an id, and keys with ids differ in the id.
 *
 * TypeORM adds and removes columns on SQLite by building the table anew, which deletes the rows of
 * `books` where foreign keys are on. The two statements here mean the same on both databases and
 * leave the table where it is.
 */
export class AddUserNameKeys1795390000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const collation = runner.connection.options.type === 'postgres' ? 'COLLATE "C"' : '';
    await runner.query(
      `ALTER TABLE "users" ADD COLUMN "name_key" varchar(255) ${collation} NOT NULL DEFAULT ''`,
    );
    await fillKeys(runner);
    const parameter = runner.connection.driver.createParameter('separator', 0);
    await runner.query(
      `UPDATE "users" SET "name_key" = "name_key" || CAST(${parameter} AS text) || CAST("id" AS text)
       WHERE "id" NOT IN (SELECT MIN("id") FROM "users" GROUP BY "name_key")`,
      [SEPARATOR],
    );
    await runner.createIndex(
      'users',
      new TableIndex({ name: INDEX, columnNames: ['name_key'], isUnique: true }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('users', INDEX);
    await runner.query('ALTER TABLE "users" DROP COLUMN "name_key"');
  }
}

async function fillKeys(runner: QueryRunner): Promise<void> {
  const place = (index: number): string =>
    runner.connection.driver.createParameter(`p${index}`, index);
  for (let after = 0; ;) {
    const rows = (await runner.query(
      `SELECT "id", "name" FROM "users" WHERE "id" > ${place(0)} ORDER BY "id" LIMIT ${BATCH}`,
      [after],
    )) as { id: number; name: string }[];
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
    const values = rows.map(
      (_, i) => `(CAST(${place(2 * i)} AS integer), CAST(${place(2 * i + 1)} AS text))`,
    );
    // Both databases call the columns of VALUES so.
    await runner.query(
      `UPDATE "users" SET "name_key" = "keys"."column2"
       FROM (VALUES ${values.join(', ')}) AS "keys" WHERE "users"."id" = "keys"."column1"`,
      rows.flatMap(({ id, name }) => [id, keyOf(id, name)]),
    );
  }
}

/** As `nameKey` of src/users/user-name.ts was when this was written: a migration never changes. */
function keyOf(id: number, name: string): string {
  const key = name.normalize('NFC').toLowerCase().normalize('NFC').replaceAll('ς', 'σ');
  return /\p{Cc}/u.test(name) ? `${key}${SEPARATOR}${id}` : key;
}
