import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

const string = (name: string, length: number) => ({
  name,
  type: 'varchar',
  length: String(length),
});
const index = (name: string, ...columnNames: string[]) => new TableIndex({ name, columnNames });

export class CreateAuditLoginFailures1795380000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { type } = runner.connection.options;
    // Makes both databases sort by code points.
    const collation = type === 'postgres' ? { collation: 'C' } : {};
    await runner.createTable(
      new Table({
        name: 'audit_entries',
        columns: [
          {
            name: 'id',
            type: 'integer',
            isPrimary: true,
            isGenerated: true,
            generationStrategy: 'increment',
          },
          { name: 'happened_at', type: 'bigint' },
          { ...string('event', 40), ...collation },
          { name: 'user_id', type: 'integer', isNullable: true },
          { name: 'actor_id', type: 'integer', isNullable: true },
          { ...string('session_id', 36), ...collation, isNullable: true },
          { ...string('ip', 64), ...collation, isNullable: true },
          { ...string('user_agent', 255), ...collation, isNullable: true },
        ],
        indices: [
          index('audit_entries_happened_at_idx', 'happened_at'),
          index('audit_entries_user_id_idx', 'user_id', 'id'),
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'login_failures',
        columns: [
          { ...string('key', 43), isPrimary: true },
          { name: 'count', type: 'integer' },
          { name: 'last_at', type: 'bigint' },
        ],
        indices: [index('login_failures_last_at_idx', 'last_at')],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['login_failures', 'audit_entries']) await runner.dropTable(table);
  }
}
