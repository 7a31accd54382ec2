import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

const columns = [
  { name: 'current_token', type: 'varchar', length: '43' },
  { name: 'spent_token', type: 'varchar', length: '43' },
  { name: 'spent_at', type: 'bigint' },
  { name: 'successor', type: 'text' },
];

/** Existing sessions have no current token. They accept the first refresh token they receive. */
export class RotateRefreshTokens1795370000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumns(
      'sessions',
      columns.map((column) => new TableColumn({ ...column, isNullable: true })),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumns(
      'sessions',
      columns.map(({ name }) => name),
    );
  }
}
