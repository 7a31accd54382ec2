import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/**
 * Adds roles, and gives the role `admin` to every administrator. The column `users.admin` stays, and
 * is written with the roles, so that instances of earlier versions work during an upgrade.
 *
 * On SQLite, TypeORM rebuilds a table to add a column. The ALTER TABLE statements do not.
 */
export class AddUserRoles1795430000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Makes both databases sort by code points.
    const isPostgres = runner.connection.options.type === 'postgres';
    const collation = isPostgres ? { collation: 'C' } : {};
    await runner.query('ALTER TABLE "users" ADD COLUMN "role_version" integer NOT NULL DEFAULT 0');
    await runner.createTable(
      new Table({
        name: 'user_roles',
        columns: [
          { name: 'user_id', type: 'integer', isPrimary: true },
          { name: 'role', type: 'varchar', length: '64', isPrimary: true, ...collation },
        ],
        indices: [
          new TableIndex({ name: 'user_roles_role_idx', columnNames: ['role', 'user_id'] }),
        ],
      }),
    );
    await runner.query(
      `INSERT INTO "user_roles" ("user_id", "role") SELECT "id", 'admin' FROM "users" WHERE "admin"`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('user_roles');
    await runner.query('ALTER TABLE "users" DROP COLUMN "role_version"');
  }
}
