import { ApiProperty } from '@nestjs/swagger';
import { hasRowVersion } from '../database/versions/row-version.js';
import {
  type CamelCase,
  columnNamed,
  type EntityClass,
  type EntityColumn,
  isTextType,
} from '../validation/columns.js';
import { boundsOfType, formatOf, orNull } from '../validation/integer-column.js';
import { withVersion } from './conditional/conditional-requests.js';

/** The fields of a response, which have the names of columns, with the types of the properties. */
type ResponseFields<Entity, Name> = {
  [Field in Name & string]: Entity[CamelCase<Field> & keyof Entity];
};

interface ResponseClass<Entity, Name> {
  new (): ResponseFields<Entity, Name>;
  /** The names of the fields, for `listFields`. */
  readonly fields: readonly (Name & string)[];
  from(row: Entity): ResponseFields<Entity, Name>;
}

class DescribedExample {
  constructor(
    readonly example: unknown,
    readonly description: string,
  ) {}
}

/** An example of a field, with a description of the field. */
export function example(value: unknown, description: string): object {
  return new DescribedExample(value, description);
}

/**
 * Creates a response class with some columns of an entity, and documents their types. Only the
 * columns that are named here are sent.
 *
 *     export class UserResponse extends ResponseOf(User, { id: 1, name: 'user' }) {}
 *     UserResponse.from(user);
 *
 * If the entity has a `@RowVersion()`, a response that is a single resource gets its `ETag`.
 *
 * @param examples an example of each field, by the name of its column in the database
 * @throws Error if the entity lacks a column, or if the type of a column is not supported
 */
export function ResponseOf<Entity extends object, const Examples extends object>(
  entity: EntityClass<Entity>,
  examples: Examples,
): ResponseClass<Entity, keyof Examples> {
  const columns = Object.keys(examples).map((name) => columnNamed(entity, name));
  const isVersioned = hasRowVersion(entity);
  class Response {
    static readonly fields = Object.keys(examples);

    static from(row: Entity): object {
      const response: Record<string, unknown> = {};
      for (const { name, property } of columns) response[name] = row[property as keyof Entity];
      return isVersioned ? withVersion(response, row as { version: number }) : response;
    }
  }
  for (const column of columns) {
    const given = examples[column.name as keyof Examples] as unknown;
    const documented = given instanceof DescribedExample ? given : { example: given };
    const schema = schemaOf(column);
    if (!schema)
      throw new Error(`Responses do not support the type of ${entity.name}.${column.property}.`);
    ApiProperty({ ...schema, ...documented })(Response.prototype, column.name);
  }
  return Response as unknown as ResponseClass<Entity, keyof Examples>;
}

function schemaOf({ type, nullable }: EntityColumn): object | null {
  const schema = schemaOfType(type);
  // Swagger requires a type, and then removes it because of `oneOf`.
  return schema && nullable ? { ...orNull(schema), type: Object } : schema;
}

function schemaOfType(type: unknown): object | null {
  const bounds = boundsOfType(type);
  if (bounds) return { type: 'integer', format: formatOf(bounds.max) };
  if (isTextType(type)) return { type: 'string' };
  if (type === 'boolean' || type === Boolean) return { type: 'boolean' };
  return type === 'simple-json' ? { type: 'array', items: { type: 'string' } } : null;
}
