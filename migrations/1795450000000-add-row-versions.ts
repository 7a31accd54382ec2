import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The columns that clients see, by the tables whose rows have versions. */
const SHOWN: Record<string, string> = {
  users: '"name"',
  ships:
    '"affiliation", "category", "crew", "length", "manufacturer", "model", "roles", "ship_class"',
  books: '"name", "author", "publisher", "price"',
};

/**
 * Adds the version of each row, from which its `ETag` is made. Instances of earlier versions, which may
 * run during an upgrade, do not write it. Triggers then change it.
 *
 * On SQLite, TypeORM rebuilds a table to add a column. The ALTER TABLE statements do not.
 */
export class AddRowVersions1795450000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const isPostgres = runner.connection.options.type === 'postgres';
    if (isPostgres) await runner.query(CREATE_FUNCTION);
    for (const [table, shown] of Object.entries(SHOWN)) {
      await runner.query(`ALTER TABLE "${table}" ADD COLUMN "version" bigint NOT NULL DEFAULT 0`);
      const event = `UPDATE OF ${shown} ON "${table}" FOR EACH ROW WHEN (NEW."version" = OLD."version")`;
      await runner.query(
        isPostgres
          ? `CREATE TRIGGER "${table}_version" BEFORE ${event} EXECUTE FUNCTION "set_row_version"()`
          : `CREATE TRIGGER "${table}_version" AFTER ${event} BEGIN
             UPDATE "${table}" SET "version" = random() & 281474976710655 WHERE "id" = NEW."id"; END`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    const isPostgres = runner.connection.options.type === 'postgres';
    for (const table of Object.keys(SHOWN)) {
      const of = isPostgres ? ` ON "${table}"` : '';
      await runner.query(`DROP TRIGGER IF EXISTS "${table}_version"${of}`);
      await runner.query(`ALTER TABLE "${table}" DROP COLUMN "version"`);
    }
    if (isPostgres) await runner.query('DROP FUNCTION IF EXISTS "set_row_version"()');
  }
}

/** A random integer of 48 bits. */
const CREATE_FUNCTION = `CREATE FUNCTION "set_row_version"() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW."version" := floor(random() * 281474976710656);
    RETURN NEW;
  END $$`;
