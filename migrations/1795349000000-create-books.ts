import {
  type MigrationInterface,
  type QueryRunner,
  Table,
  type TableColumnOptions,
  TableForeignKey,
  TableIndex,
} from 'typeorm';

const text = (name: string): TableColumnOptions => ({ name, type: 'varchar', length: '255' });

export class CreateBooks1795349000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'books',
        columns: [
          {
            name: 'id',
            type: 'integer',
            isPrimary: true,
            isGenerated: true,
            generationStrategy: 'increment',
          },
          { name: 'user_id', type: 'integer' },
          text('name'),
          text('author'),
          text('publisher'),
          { name: 'price', type: 'bigint', isNullable: true },
        ],
        indices: [
          new TableIndex({
            name: 'books_owner_name_author_key',
            columnNames: ['user_id', 'name', 'author'],
            isUnique: true,
          }),
          new TableIndex({ name: 'books_owner_id_idx', columnNames: ['user_id', 'id'] }),
        ],
        foreignKeys: [
          new TableForeignKey({
            name: 'books_user_id_fkey',
            columnNames: ['user_id'],
            referencedTableName: 'users',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
          }),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('books');
  }
}
