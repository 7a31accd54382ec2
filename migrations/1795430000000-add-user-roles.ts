import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/**
 * Adds roles, and gives the role `admin` to every administrator. The column `users.admin` stays.
 * Instances of earlier versions, which may run during an upgrade, write only that column, and delete
 * only the row of a user. Triggers then change the rows of the role.
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
    for (const statement of isPostgres ? POSTGRES_TRIGGERS : SQLITE_TRIGGERS) {
      await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    const isPostgres = runner.connection.options.type === 'postgres';
    for (const statement of isPostgres ? DROP_POSTGRES_TRIGGERS : DROP_SQLITE_TRIGGERS) {
      await runner.query(statement);
    }
    await runner.dropTable('user_roles');
    await runner.query('ALTER TABLE "users" DROP COLUMN "role_version"');
  }
}

const ADD_ROLE = `INSERT INTO "user_roles" ("user_id", "role") VALUES (NEW."id", 'admin')
  ON CONFLICT DO NOTHING;`;

const SQLITE_TRIGGERS = [
  `CREATE TRIGGER "users_admin_added" AFTER INSERT ON "users" WHEN NEW."admin" BEGIN ${ADD_ROLE} END`,
  `CREATE TRIGGER "users_admin_granted" AFTER UPDATE OF "admin" ON "users"
   WHEN NEW."admin" BEGIN ${ADD_ROLE} END`,
  `CREATE TRIGGER "users_admin_revoked" AFTER UPDATE OF "admin" ON "users" WHEN NOT NEW."admin"
   BEGIN DELETE FROM "user_roles" WHERE "user_id" = NEW."id" AND "role" = 'admin'; END`,
  `CREATE TRIGGER "users_roles_removed" AFTER DELETE ON "users"
   BEGIN DELETE FROM "user_roles" WHERE "user_id" = OLD."id"; END`,
];

const DROP_SQLITE_TRIGGERS = [
  ...['users_admin_added', 'users_admin_granted', 'users_admin_revoked', 'users_roles_removed'],
].map((name) => `DROP TRIGGER IF EXISTS "${name}"`);

const POSTGRES_TRIGGERS = [
  `CREATE FUNCTION "sync_user_roles"() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP = 'DELETE' THEN
       DELETE FROM "user_roles" WHERE "user_id" = OLD."id";
     ELSIF NEW."admin" THEN
       ${ADD_ROLE}
     ELSE
       DELETE FROM "user_roles" WHERE "user_id" = NEW."id" AND "role" = 'admin';
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER "users_sync_roles" AFTER INSERT OR DELETE OR UPDATE OF "admin" ON "users"
   FOR EACH ROW EXECUTE FUNCTION "sync_user_roles"()`,
];

const DROP_POSTGRES_TRIGGERS = [
  'DROP TRIGGER IF EXISTS "users_sync_roles" ON "users"',
  'DROP FUNCTION IF EXISTS "sync_user_roles"()',
];
