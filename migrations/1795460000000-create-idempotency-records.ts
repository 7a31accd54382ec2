import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

export class CreateIdempotencyRecords1795460000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'idempotency_records',
        columns: [
          { name: 'id', type: 'varchar', length: '43', isPrimary: true },
          { name: 'caller', type: 'varchar', length: '64' },
          { name: 'fingerprint', type: 'varchar', length: '43' },
          { name: 'body', type: 'text', isNullable: true },
          { name: 'version', type: 'bigint', isNullable: true },
          { name: 'location', type: 'text', isNullable: true },
          { name: 'user_id', type: 'integer', isNullable: true },
          { name: 'expires_at', type: 'bigint' },
        ],
        indices: [
          new TableIndex({
            name: 'idempotency_records_caller_expires_at_idx',
            columnNames: ['caller', 'expires_at'],
          }),
          new TableIndex({
            name: 'idempotency_records_expires_at_idx',
            columnNames: ['expires_at'],
          }),
          new TableIndex({ name: 'idempotency_records_user_id_idx', columnNames: ['user_id'] }),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('idempotency_records');
  }
}
