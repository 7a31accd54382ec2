import { ApiProperty } from '@nestjs/swagger';
import { type BodyClass, type Check, type FieldPlan, planOf } from './body-plan.js';
import { enumValues } from './checks.js';
import { formatOf, orNull } from './integer-column.js';

type Schema = Record<string, unknown>;

/** The keywords of JSON Schema for each constraint of class-validator. */
const KEYWORDS: Readonly<Record<string, (constraints: readonly unknown[]) => Schema>> = {
  isString: () => ({ type: 'string' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isBoolean: () => ({ type: 'boolean' }),
  isObject: () => ({ type: 'object' }),
  isDate: () => ({ type: 'string', format: 'date-time' }),
  isDateString: () => ({ type: 'string' }),
  isIso8601: () => ({ type: 'string' }),
  isRFC3339: () => ({ type: 'string', format: 'date-time' }),
  isCalendarDate: () => ({ type: 'string', format: 'date' }),
  isEmail: () => ({ type: 'string', format: 'email' }),
  isUrl: () => ({ type: 'string', format: 'uri' }),
  isUuid: () => ({ type: 'string', format: 'uuid' }),
  isEnum: ([members]) => ({ enum: enumValues(members as object) }),
  isIn: ([values]) => ({ enum: values }),
  // JSON Schema has no flags for patterns.
  matches: ([pattern]) =>
    (pattern as RegExp).flags === '' ? { pattern: (pattern as RegExp).source } : {},
  isNotEmpty: () => ({ minLength: 1 }),
  minLength: ([min]) => ({ minLength: min }),
  maxLength: ([max]) => ({ maxLength: max }),
  isLength: ([min, max]) => ({ minLength: min, maxLength: max }),
  isPositive: () => ({ exclusiveMinimum: 0 }),
  min: ([min]) => ({ minimum: min }),
  max: ([max]) => ({ maximum: max }),
};

const LIST_KEYWORDS: typeof KEYWORDS = {
  arrayNotEmpty: () => ({ minItems: 1 }),
  arrayMinSize: ([min]) => ({ minItems: min }),
  arrayMaxSize: ([max]) => ({ maxItems: max }),
  arrayUnique: () => ({ uniqueItems: true }),
};

/** The metadata key under which `@ApiProperty()` keeps its options. */
const API_MODEL_PROPERTIES = 'swagger/apiModelProperties';

const described = new WeakSet<BodyClass>();

/**
 * Derives the schemas of a body's fields from its class-validator decorators, so that
 * `@ApiProperty()` does not have to repeat them. Other options of `@ApiProperty()` are kept.
 */
export function describeBody(type: BodyClass): void {
  if (described.has(type)) return;
  described.add(type);
  const prototype = type.prototype as object;
  for (const field of planOf(type).values()) {
    const { name, nested, typeChecks, contentChecks } = field;
    if (nested) describeBody(nested);
    const key = API_MODEL_PROPERTIES;
    const given = { ...(Reflect.getMetadata(key, prototype, name) as Schema | undefined) };
    // Swagger fills in the declared type, which says less than the decorators.
    const declared: unknown = Reflect.getMetadata('design:type', prototype, name);
    if (given.type === declared) delete given.type;
    const isChecked = nested !== null || typeChecks.length + contentChecks.length > 0;
    const isOptional = !isChecked || isSkippedFor(undefined, type, field);
    const required = !isOptional && given.required !== false;
    Reflect.deleteMetadata(key, prototype, name);
    ApiProperty({ ...schemaOfField(type, field), ...given, required })(prototype, name);
  }
}

/** Whether the checks of the field are skipped for a value, in an otherwise empty body. */
function isSkippedFor(value: unknown, type: BodyClass, { conditions }: FieldPlan): boolean {
  try {
    return !conditions.every((condition) => condition(new type(), value));
  } catch {
    // The condition depends on other fields.
    return true;
  }
}

function schemaOfField(type: BodyClass, field: FieldPlan): Schema {
  const { nested, isList, typeChecks, contentChecks } = field;
  const checks = [...typeChecks, ...contentChecks];
  const ownKeywords = keywordsOf(
    checks.filter(({ each }) => !each),
    KEYWORDS,
  );
  const items = keywordsOf(
    checks.filter(({ each }) => each),
    KEYWORDS,
  );
  const list = keywordsOf(checks, LIST_KEYWORDS);
  if (nested) return { type: () => nested, isArray: isList, ...list };
  const schema = isList ? { type: 'array', items, ...list } : withFormat(ownKeywords);
  return checks.length > 0 && isSkippedFor(null, type, field)
    ? { ...orNull(schema), type: undefined }
    : schema;
}

function keywordsOf(checks: readonly Check[], keywords: typeof KEYWORDS): Schema {
  const schema: Schema = {};
  for (const { name, constraints } of checks) {
    for (const [keyword, value] of Object.entries(keywords[name]?.(constraints) ?? {})) {
      const known = schema[keyword];
      // Of two bounds, the narrower one applies.
      if (keyword === 'minimum') schema[keyword] = Math.max(Number(value), Number(known ?? value));
      else if (keyword === 'maximum') {
        schema[keyword] = Math.min(Number(value), Number(known ?? value));
      } else schema[keyword] = value;
    }
  }
  return schema;
}

function withFormat(schema: Schema): Schema {
  if (schema.type !== 'integer' || typeof schema.maximum !== 'number') return schema;
  return { ...schema, format: formatOf(schema.maximum) };
}
