import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';

const INDEX = 'users_name_key_key';

/** The number of rows that one statement reads or writes. Each row takes two parameters. */
const BATCH = 500;

/** Separates a key from an id; see `nameKeyRange` in src/users/user-name.ts. */
const SEPARATOR = '\u0001';

/**
 * Adds the key by which user names are compared. If several names differ only in case, the one that
 * was registered first gets the plain key. To the keys of the others, the migration appends a
 * control character and the id of the user. It does the same for every name that contains a control
 * character, so that a plain key never looks like a key with an id. Keys with ids differ in the id.
 *
 * To add or remove a column on SQLite, TypeORM rebuilds the table, which deletes the rows that refer
 * to users if foreign keys are on. The two ALTER TABLE statements here do the same on both databases
 * without a rebuild.
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
    // Both databases name the columns of VALUES column1 and column2.
    await runner.query(
      `UPDATE "users" SET "name_key" = "keys"."column2"
       FROM (VALUES ${values.join(', ')}) AS "keys" WHERE "users"."id" = "keys"."column1"`,
      rows.flatMap(({ id, name }) => [id, keyOf(id, name)]),
    );
  }
}

/** The function `nameKey` of src/users/user-name.ts at that time, because a migration must not change. */
function keyOf(id: number, name: string): string {
  const key = name.normalize('NFC').toLowerCase().normalize('NFC').replaceAll('ς', 'σ');
  return /\p{Cc}/u.test(name) ? `${key}${SEPARATOR}${id}` : key;
}
