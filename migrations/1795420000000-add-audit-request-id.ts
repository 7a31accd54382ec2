import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

export class AddAuditRequestId1795420000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { type } = runner.connection.options;
    await runner.addColumn(
      'audit_entries',
      new TableColumn({
        name: 'request_id',
        type: 'varchar',
        length: '128',
        isNullable: true,
        // Makes both databases sort by code points.
        ...(type === 'postgres' && { collation: 'C' }),
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('audit_entries', 'request_id');
  }
}
