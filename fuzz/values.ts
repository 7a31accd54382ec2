import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

export type Resolve = (schema: Schema) => Schema;

/** Texts that often cause errors: injections, limits of numbers, control characters and others. */
const HOSTILE = [
  '',
  ' ',
  '0',
  '-1',
  '9007199254740993',
  '1e400',
  'null',
  'true',
  'NaN',
  '__proto__',
  'constructor',
  "' OR 1=1 --",
  '"; DROP TABLE users; --',
  '%00',
  '../../etc/passwd',
  '<script>',
  '\u0000',
  '\ud800',
  '\r\nX: y',
  'e\u0301',
  '🚀',
  'x'.repeat(300),
];

const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

/** Generates values that a schema allows. */
export function valid(schema: Schema, resolve: Resolve): Arbitrary<unknown> {
  const resolved = resolve(schema);
  if (resolved.enum) return fc.constantFrom(...resolved.enum);
  if (resolved.oneOf) return fc.oneof(...resolved.oneOf.map((each) => valid(each, resolve)));
  if (resolved.type === 'null') return fc.constant(null);
  if (resolved.type === 'boolean') return fc.boolean();
  if (resolved.type === 'integer') return integer(resolved);
  if (resolved.type === 'array')
    return fc.array(valid(resolved.items ?? {}, resolve), { maxLength: 5 });
  if (resolved.type === 'object') return object(resolved, resolve);
  return string(resolved);
}

/** Generates any values, whether or not a schema allows them. */
export function broken(): Arbitrary<unknown> {
  return fc.oneof(
    text,
    fc.double(),
    fc.constantFrom(null, true, 0, -1, 1.5, 2 ** 53, [], {}, [[]], { a: 1 }),
    fc.jsonValue({ maxDepth: 2 }),
  );
}

export const hostileText = text;

function integer({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema) {
  const small = fc.integer({ min: Math.max(minimum, -10), max: Math.min(maximum, 30) });
  const limits = fc.constantFrom(minimum, maximum);
  return fc.oneof({ arbitrary: small, weight: 5 }, { arbitrary: limits, weight: 1 });
}

function string({ format, pattern, minLength = 0, maxLength = 60 }: Schema): Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    const noInvalidDate = true;
    const [min, max] = [new Date('2020-01-01'), new Date('2030-01-01')];
    return fc.date({ noInvalidDate, min, max }).map((date) => date.toISOString());
  }
  if (format === 'date') return string({ format: 'date-time' }).map((date) => date.slice(0, 10));
  const length = { minLength, maxLength: Math.min(maxLength, Math.max(minLength, 60)) };
  const plain = fc.string({ ...length, unit: 'grapheme-composite' });
  // A few fixed texts, so that the same value occurs several times.
  const words = ['Star Destroyer', 'Empire', 'X-Wing', 'a long way from home'];
  const fitting = words.filter((word) => word.length >= minLength && word.length <= maxLength);
  return fitting.length === 0 ? plain : fc.oneof(plain, fc.constantFrom(...fitting));
}

function object({ properties = {}, required = [] }: Schema, resolve: Resolve) {
  const members = Object.entries(properties).map(([name, schema]) => {
    return [name, valid(schema, resolve)] as const;
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: required as never[] });
}
