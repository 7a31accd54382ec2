import { getMetadataArgsStorage } from 'typeorm';

export type EntityClass<Entity extends object = object> = new () => Entity;

/** A column of an entity, as its decorator declares it. */
export interface EntityColumn {
  property: string;
  /** The name in the database, which clients use for the field, too. */
  name: string;
  /** The type in `@Column`. Without one, TypeORM uses the type of the property, such as `Number`. */
  type: unknown;
  nullable: boolean;
  /** The maximum number of characters of a text. */
  length: number;
}

/** Whether a column of this type holds texts. */
export function isTextType(type: unknown): boolean {
  return type === 'varchar' || type === 'text' || type === String;
}

/** Whether a decorator was used in the entity, or in a class that it extends. */
export function isOf(entity: EntityClass): (args: { target: unknown }) => boolean {
  return ({ target }) =>
    typeof target === 'function' && (target === entity || entity.prototype instanceof target);
}

const columns = new WeakMap<EntityClass, readonly EntityColumn[]>();

/** Returns the columns of an entity and of the classes that it extends. */
export function columnsOf(entity: EntityClass): readonly EntityColumn[] {
  const known = columns.get(entity);
  if (known) return known;
  const found = getMetadataArgsStorage()
    .columns.filter(isOf(entity))
    .map(({ propertyName, options }) => ({
      property: propertyName,
      name: options.name ?? propertyName,
      type: options.type,
      nullable: options.nullable ?? false,
      length: Number(options.length) || Infinity,
    }));
  columns.set(entity, found);
  return found;
}

/**
 * Returns the column of a field.
 *
 * @param name of the column in the database
 * @throws Error if the entity has no such column
 */
export function columnNamed(entity: EntityClass, name: string): EntityColumn {
  const column = columnsOf(entity).find((each) => each.name === name);
  if (!column) throw new Error(`${entity.name} has no column ${name}.`);
  return column;
}

/** The name of a property for the name of a column: `createdAt` for `created_at`. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** The values of a body, by the properties of an entity. An omitted field is null. */
type EntityValues<Body> = {
  [Field in Exclude<keyof Body, 'id'> as CamelCase<Field & string>]-?: undefined extends Body[Field]
    ? Exclude<Body[Field], undefined> | null
    : Body[Field];
};

/** The values of a partial body: a field that is left out has none. */
type EntityChanges<Body> = {
  [Field in Exclude<keyof Body, 'id'> as CamelCase<Field & string>]?: Exclude<
    Body[Field],
    undefined
  >;
};

/**
 * Returns the values that a partial body names, without `id`, for `PATCH`.
 *
 * @param body with fields that are named after the columns of the entity
 * @throws Error if the entity lacks a column
 */
export function changesOf<Body extends object>(
  entity: EntityClass,
  body: Body,
): EntityChanges<Body> {
  const named = Object.entries(body).filter(([, value]) => value !== undefined);
  return valuesOf(entity, Object.fromEntries(named));
}

/**
 * Returns the values of a body for an entity, without `id`: the one in the path counts.
 *
 * @param body with fields that are named after the columns of the entity
 * @throws Error if the entity lacks a column
 */
export function valuesOf<Body extends object>(entity: EntityClass, body: Body): EntityValues<Body> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (name !== 'id') values[columnNamed(entity, name).property] = value ?? null;
  }
  return values as EntityValues<Body>;
}
