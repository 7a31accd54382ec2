import {
  type MigrationInterface,
  type QueryRunner,
  Table,
  type TableColumnOptions,
  TableIndex,
} from 'typeorm';
import { createShips, dropShips } from './ships-table.js';

const id: TableColumnOptions = {
  name: 'id',
  type: 'integer',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
};
const moment = (name: string): TableColumnOptions => ({ name, type: 'bigint' });
const string = (name: string, length: number): TableColumnOptions => ({
  name,
  type: 'varchar',
  length: String(length),
});

export class CreateUsersShipsSessions1795330800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'users',
        columns: [
          id,
          string('name', 80),
          string('password_hash', 255),
          { name: 'admin', type: 'boolean' },
          string('public_id', 36),
          moment('created_at'),
        ],
        indices: [
          new TableIndex({ name: 'users_name_key', columnNames: ['name'], isUnique: true }),
          new TableIndex({
            name: 'users_public_id_key',
            columnNames: ['public_id'],
            isUnique: true,
          }),
        ],
      }),
    );
    await createShips(runner);
    await runner.createTable(
      new Table({
        name: 'sessions',
        columns: [
          { ...string('id', 36), isPrimary: true },
          string('subject', 255),
          moment('created_at'),
          moment('last_used_at'),
          moment('expires_at'),
          { ...moment('ended_at'), isNullable: true },
          { ...string('user_agent', 255), isNullable: true },
          { ...string('ip', 64), isNullable: true },
        ],
        indices: [
          new TableIndex({ name: 'sessions_subject_idx', columnNames: ['subject'] }),
          new TableIndex({ name: 'sessions_expires_at_idx', columnNames: ['expires_at'] }),
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'revoked_tokens',
        columns: [{ ...string('jti', 255), isPrimary: true }, moment('expires_at')],
        indices: [
          new TableIndex({ name: 'revoked_tokens_expires_at_idx', columnNames: ['expires_at'] }),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('revoked_tokens');
    await runner.dropTable('sessions');
    await dropShips(runner);
    await runner.dropTable('users');
  }
}
