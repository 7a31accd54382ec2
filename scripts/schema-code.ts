import type { Table, TableColumn, TableIndex } from 'typeorm';

/** The code of a change, and of the change that reverts it. */
export type Change = [up: string, down: string];

/** The code of each method by which the schema builder changes a table. */
export const DESCRIBED = {
  createTable: ({ name, columns, indices }: Table): Change[] => {
    const indexes = indices.map(indexCode);
    const more = indexes.length > 0 ? `, indices: [${indexes.join(', ')}]` : '';
    return [
      [
        `await runner.createTable(new Table({ name: '${name}', columns: [${columns.map(columnCode).join(', ')}]${more} }));`,
        `await runner.dropTable('${name}');`,
      ],
    ];
  },
  addColumns: ({ name }: Table, columns: TableColumn[]): Change[] =>
    columns.map((column) => {
      requireValue(name, column);
      return [addColumn(name, column), dropColumn(name, column)];
    }),
  dropColumns: ({ name }: Table, columns: TableColumn[]): Change[] =>
    columns.map((column) => [dropColumn(name, column), addColumn(name, column)]),
  changeColumns: (
    { name }: Table,
    columns: { oldColumn: TableColumn; newColumn: TableColumn }[],
  ): Change[] =>
    columns.map(({ oldColumn, newColumn }) => [
      changeColumn(name, oldColumn, newColumn),
      changeColumn(name, newColumn, oldColumn),
    ]),
  renameColumn: ({ name }: Table, column: TableColumn): Change[] => {
    throw new Error(`${name}.${column.name}: write the migration of a renamed column by hand.`);
  },
  createIndices: ({ name }: Table, indexes: TableIndex[]): Change[] =>
    indexes.map((index) => [createIndex(name, index), dropIndex(name, index)]),
  dropIndex: ({ name }: Table, index: TableIndex): Change[] => [
    [dropIndex(name, index), createIndex(name, index)],
  ],
  createForeignKeys: ({ name }: Table): Change[] => {
    throw new Error(`${name}: write the migration of a foreign key by hand.`);
  },
  updatePrimaryKeys: ({ name }: Table): Change[] => {
    throw new Error(`${name}: write the migration of a changed primary key by hand.`);
  },
};

/** @throws Error if a new column has no value for the rows that the table may have */
function requireValue(table: string, { name, isNullable, default: value }: TableColumn): void {
  if (isNullable || (value !== undefined && value !== null)) return;
  throw new Error(
    `${table}.${name}: the rows of the table need a value for a new column. Make it nullable, or give it a default, such as @Column('boolean', { default: false }).`,
  );
}

const addColumn = (table: string, column: TableColumn) =>
  `await runner.addColumn('${table}', new TableColumn(${columnCode(column)}));`;
const dropColumn = (table: string, { name }: TableColumn) =>
  `await runner.dropColumn('${table}', '${name}');`;
const changeColumn = (table: string, from: TableColumn, to: TableColumn) =>
  `await runner.changeColumn('${table}', '${from.name}', new TableColumn(${columnCode(to)}));`;
const createIndex = (table: string, index: TableIndex) =>
  `await runner.createIndex('${table}', new TableIndex(${indexCode(index)}));`;
const dropIndex = (table: string, { name }: TableIndex) =>
  `await runner.dropIndex('${table}', '${name}');`;

function columnCode(column: TableColumn): string {
  const { name, type, length, isNullable, isPrimary, isGenerated, generationStrategy, collation } =
    column;
  const value: unknown = column.default;
  return `{ ${[
    `name: '${name}', type: '${type}'`,
    ...(length ? [`length: '${length}'`] : []),
    ...(isPrimary ? ['isPrimary: true'] : []),
    ...(isGenerated ? [`isGenerated: true, generationStrategy: '${generationStrategy}'`] : []),
    ...(isNullable ? ['isNullable: true'] : []),
    ...(value === undefined || value === null ? [] : [`default: ${defaultCode(type, value)}`]),
    ...(collation ? ['...collation'] : []),
  ].join(', ')} }`;
}

/** The databases write the default of a boolean in different ways. */
function defaultCode(type: string, value: unknown): string {
  if (type !== 'boolean') return JSON.stringify(value);
  const isTrue = String(value) === '1' || String(value) === 'true';
  return `isPostgres ? ${isTrue} : ${isTrue ? 1 : 0}`;
}

function indexCode({ name, columnNames, isUnique, where }: TableIndex): string {
  const columns = columnNames.map((column) => `'${column}'`).join(', ');
  return `{ ${[
    `name: '${name}', columnNames: [${columns}]`,
    ...(isUnique ? ['isUnique: true'] : []),
    ...(where ? [`where: ${JSON.stringify(where)}`] : []),
  ].join(', ')} }`;
}
