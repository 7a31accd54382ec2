import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Copy it to `migrations/1796000000000-create-user-emails.ts`. */
export class CreateUserEmails1796000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const isPostgres = runner.connection.options.type === 'postgres';
    await runner.createTable(
      new Table({
        name: 'user_emails',
        columns: [
          { name: 'user_id', type: 'integer', isPrimary: true },
          { name: 'email', type: 'varchar', length: '254', ...(isPostgres && { collation: 'C' }) },
        ],
        indices: [
          new TableIndex({
            name: 'user_emails_email_key',
            columnNames: ['email'],
            isUnique: true,
          }),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('user_emails');
  }
}
