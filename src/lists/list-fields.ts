import { getMetadataArgsStorage } from 'typeorm';
import { hasSortIndexes } from './sort-indexes.decorator.js';
import {
  columnNamed,
  type EntityClass,
  type EntityColumn,
  isOf,
  isTextType,
} from '../validation/columns.js';
import { boundsOfType } from '../validation/integer-column.js';
import {
  boolean,
  integerWithin,
  type ListField,
  SORTED_LENGTH,
  text,
  textList,
} from './list-field.js';

interface Options {
  /** Whether the texts are stored in Unicode NFC. Filters then ignore the form of their value. */
  normalized?: boolean;
  /** Fields of types of your own, by the names of their columns. */
  types?: Readonly<Record<string, ListField>>;
}

/**
 * Derives the fields by which lists of an entity can be filtered and sorted from its columns: their
 * types, whether they may be null, and whether an index serves a sorted list.
 *
 * @param names of the columns in the database, which are the names for clients, too
 * @throws Error if the entity lacks a column, or if lists do not support its type
 */
export function listFields<const Name extends string>(
  entity: EntityClass,
  names: readonly Name[],
  options: Options = {},
): Readonly<Record<Name, ListField>> {
  const fields = names.map((name) => [name, fieldOf(entity, name, options)] as const);
  return Object.fromEntries(fields) as Record<Name, ListField>;
}

function fieldOf(entity: EntityClass, name: string, options: Options): ListField {
  const column = columnNamed(entity, name);
  const field = options.types?.[name] ?? typedField(column, options);
  if (!field) {
    throw new Error(`Lists do not support the type of ${entity.name}.${column.property}.`);
  }
  return { ...field, property: column.property, isIndexed: isIndexed(entity, column) };
}

function typedField(
  { type, nullable, length }: EntityColumn,
  { normalized = false }: Options,
): ListField | null {
  const bounds = boundsOfType(type);
  if (bounds) return integerWithin(bounds, nullable);
  if (isTextType(type)) {
    return text({ max: length, nullable, normalized });
  }
  if (type === 'boolean' || type === Boolean) return boolean({ nullable });
  return type === 'simple-json' ? textList() : null;
}

/** Whether an index of the entity begins with the sort key of the column. */
function isIndexed(entity: EntityClass, column: EntityColumn): boolean {
  const { property, type, nullable, length } = column;
  if (hasSortIndexes(entity, column)) return true;
  // The key of a long text or of a nullable column is an expression.
  if (nullable || (isTextType(type) && length > SORTED_LENGTH)) return false;
  const { columns, indices } = getMetadataArgsStorage();
  const isOfEntity = isOf(entity);
  const isPrimary = columns.some(
    (each) => isOfEntity(each) && each.propertyName === property && each.options.primary,
  );
  return (
    isPrimary ||
    indices.some(
      (index) =>
        isOfEntity(index) &&
        Array.isArray(index.columns) &&
        index.columns[0] === property &&
        index.where === undefined,
    )
  );
}
