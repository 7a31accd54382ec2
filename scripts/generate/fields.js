/**
 * A field of a resource, from text such as `name:string(1..80)` or `launched:date?`.
 *
 * @typedef {object} Field
 * @property {string} name in the database and for clients: `launched_at`
 * @property {string} property of the entity: `launchedAt`
 * @property {string} tsType of the value, without null
 * @property {boolean} nullable
 * @property {string} column the type in the database
 * @property {number | null} length of a `varchar`
 * @property {boolean} isText
 * @property {string[]} decorators of class-validator, for the body
 * @property {unknown} example
 * @property {unknown} changed another valid value
 * @property {unknown} invalid a value that the service refuses
 * @property {string | null} sortKey the SQL of the sort key; null if lists cannot be sorted by it
 */

const SPEC = /^([a-z][a-z0-9_]*):([a-z]+)(?:\((-?\d*)\.\.(-?\d*)\))?(\?)?$/;

/** Names that every resource uses already. */
const RESERVED = ['id', 'version', 'user_id', 'owner_id', 'limit', 'sort', 'cursor'];

const INT_32 = { min: -(2 ** 31), max: 2 ** 31 - 1 };

/**
 * The number of characters of a text that lists are sorted by; see src/lists/list-field.ts.
 */
const SORTED_LENGTH = 100;

export const FIELD_SYNTAX = `name:string(1..80)   a text with these numbers of characters, by default 1..255
  size:integer(1..)     an integer within these bounds
  active:boolean        true or false
  launched:date         a date such as 2026-01-31
  tags:strings          a list of texts
  A question mark at the end makes a field optional: captain:string?`;

/**
 * @param {string} text fields, separated by spaces
 * @returns {Field[]}
 */
export function parseFields(text) {
  const fields = text.split(/\s+/).filter(Boolean).map(parseField);
  const names = fields.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) < index);
  if (repeated) throw new Error(`The field ${repeated} is given twice.`);
  if (fields.length === 0) throw new Error('A resource needs at least one field.');
  return fields;
}

/** @param {string} text */
function parseField(text) {
  const [, name, type, min, max, optional] = SPEC.exec(text) ?? [];
  const read = TYPES[/** @type {keyof typeof TYPES} */ (type)];
  if (name === undefined || !Object.hasOwn(TYPES, type)) {
    throw new Error(`${text} is not a field. A field is one of:\n  ${FIELD_SYNTAX}`);
  }
  if (RESERVED.includes(name)) throw new Error(`${name} cannot be the name of a field.`);
  const bounds = { min: bound(min), max: bound(max) };
  if (bounds.min !== null && bounds.max !== null && bounds.min > bounds.max) {
    throw new Error(`${text} has a minimum above its maximum.`);
  }
  if ((min ?? max) !== undefined && !['string', 'integer'].includes(type)) {
    throw new Error(`${text}: only string and integer have bounds.`);
  }
  const field = { name, property: camelCase(name), nullable: optional !== undefined };
  return { ...field, ...read(field, bounds) };
}

/** @param {string | undefined} text */
const bound = (text) => (text ? Number(text) : null);

const TYPES = {
  string: ({ name, nullable }, { min, max }) => {
    const [least, most] = [min ?? 1, max ?? Math.max(255, min ?? 0)];
    if (least < 0 || most > 10_000) throw new Error(`${name}: a text has 0 to 10000 characters.`);
    const key = most > SORTED_LENGTH ? `SUBSTR("${name}", 1, ${SORTED_LENGTH})` : `"${name}"`;
    return {
      ...{ tsType: 'string', column: 'varchar', length: most, isText: true },
      decorators: [
        '@IsString()',
        ...(least > 0 ? [`@MinLength(${least})`] : []),
        `@MaxLength(${most})`,
      ],
      example: textOf(`a ${name.replaceAll('_', ' ')}`, least, most),
      changed: textOf(`other ${name.replaceAll('_', ' ')}`, least, most),
      invalid: 'x'.repeat(most + 1),
      sortKey: nullable ? `COALESCE(${key}, '')` : key,
    };
  },
  integer: ({ name, nullable }, { min, max }) => {
    const isLarge = (min ?? 0) < INT_32.min || (max ?? 0) > INT_32.max;
    const limit = isLarge ? Number.MIN_SAFE_INTEGER : INT_32.min;
    const example = min ?? Math.min(1, max ?? 1);
    return {
      ...{ tsType: 'number', column: isLarge ? 'bigint' : 'integer', length: null, isText: false },
      decorators: [
        '@IsInt()',
        // Without bounds of its own, an integer is limited to 32 bits.
        ...(min !== null || isLarge ? [`@Min(${min ?? limit})`] : []),
        ...(max !== null || isLarge ? [`@Max(${max ?? Number.MAX_SAFE_INTEGER})`] : []),
      ],
      example,
      changed: max === null || example < max ? example + 1 : example,
      invalid: 'many',
      sortKey: nullable ? `COALESCE("${name}", ${limit - 1})` : `"${name}"`,
    };
  },
  boolean: () => ({
    ...{ tsType: 'boolean', column: 'boolean', length: null, isText: false },
    ...{ decorators: ['@IsBoolean()'], example: true, changed: false, invalid: 'yes' },
    sortKey: null,
  }),
  date: ({ name, nullable }) => ({
    ...{ tsType: 'string', column: 'varchar', length: 10, isText: true },
    decorators: ['@IsCalendarDate()'],
    ...{ example: '2026-01-31', changed: '2027-02-28', invalid: '2026-02-31' },
    sortKey: nullable ? `COALESCE("${name}", '')` : `"${name}"`,
  }),
  strings: () => ({
    ...{ tsType: 'string[]', column: 'simple-json', length: null, isText: false },
    decorators: ['@IsArray()', '@IsString({ each: true })', '@MaxLength(255, { each: true })'],
    ...{ example: ['one', 'two'], changed: ['three'], invalid: 'one' },
    sortKey: null,
  }),
};

/**
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function textOf(text, min, max) {
  return text.padEnd(min, 'x').slice(0, Math.max(max, 0));
}

/** @param {string} name */
export function camelCase(name) {
  return name.replace(/[_-](\w)/g, (_, letter) => letter.toUpperCase());
}

/** @param {string} name */
export function pascalCase(name) {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
