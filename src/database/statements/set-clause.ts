import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';

/** The columns that an INSERT or an UPDATE gives a value. */
export interface SetClause {
  /** Names the columns. */
  readonly key: string;
  /** For TypeORM: an entity whose values are expressions in SQL, each of which is a parameter. */
  readonly expressions: () => ObjectLiteral;
  /** The values of these parameters, as the database stores them. */
  readonly values: Record<string, unknown>;
}

/** @param entity a row; a column whose value is undefined is left out */
export function setClause(metadata: EntityMetadata, entity: ObjectLiteral): SetClause {
  const { driver } = metadata.dataSource;
  const columns: ColumnMetadata[] = [];
  const values: Record<string, unknown> = {};
  for (const column of metadata.columns) {
    const value: unknown = column.getEntityValue(entity);
    if (value === undefined) continue;
    columns.push(column);
    values[parameterOf(column)] = driver.preparePersistentValue(value, column);
  }
  return { key: Object.keys(values).join(), expressions: () => expressionsOf(columns), values };
}

const parameterOf = ({ propertyPath }: ColumnMetadata): string => `set_${propertyPath}`;

function expressionsOf(columns: readonly ColumnMetadata[]): ObjectLiteral {
  const expressions: ObjectLiteral = {};
  for (const column of columns) {
    column.setEntityValue(expressions, () => `:${parameterOf(column)}`);
  }
  return expressions;
}
