import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy, validateSync, type ValidationError } from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { ApiError, validationFailed } from '../errors/api-error.js';
import { boundsOf, type ColumnOf, INT_32, schemaOf } from './integer-column.js';
import { isPlainObject, isText, nfc } from './values.js';

/** Clients rely on these messages to the letter. */
export const sentences = {
  required: 'Missing data for required field.',
  null: 'Field may not be null.',
  string: 'Not a valid string.',
  integer: 'Not a valid integer.',
  list: 'Not a valid list.',
  unknown: 'Unknown field.',
  invisible: 'Must not contain control, zero-width or bidirectional formatting characters.',
  spaceAtAnEnd: 'Must not begin or end with white space.',
  sameAsName: 'Must differ from the name.',
  cursor: 'Not a valid cursor.',
  sort: 'Not a valid list of fields.',
  dateTime: 'Not a valid datetime.',
  body: 'Invalid input type.',
  minLength: (min: number) => `Shorter than minimum length ${min}.`,
  maxLength: (max: number) => `Longer than maximum length ${max}.`,
  min: (min: number) => `Must be greater than or equal to ${min}.`,
  max: (max: number) => `Must be less than or equal to ${max}.`,
};

interface FieldOptions<T> {
  description?: string;
  /** Whether the field is known under these settings; always, if it is left out. */
  when?: (config: AppConfig) => boolean;
  example: T;
  /** May be left out, but not be null. */
  optional?: boolean;
  nullable?: boolean;
}

interface TextOptions extends FieldOptions<string> {
  /** Lengths are in code points of the text's Unicode NFC. */
  min?: number | ((config: AppConfig) => number);
  max?: number;
  format?: string;
  /** What else is wrong with the text, whose length is right; in Unicode NFC. */
  problem?: (text: string) => string | null;
}

/** Says what is wrong with a value, or null where nothing is. */
type Check = (value: unknown, config: AppConfig) => string | null;

/** A string that both databases keep as it is: well-formed Unicode without a NUL. */
export function IsText({
  min = 0,
  max,
  format,
  problem = () => null,
  ...options
}: TextOptions): PropertyDecorator {
  const check: Check = (value, config) => {
    if (!isText(value)) return sentences.string;
    const text = nfc(value);
    const length = codePoints(text);
    const least = typeof min === 'number' ? min : min(config);
    if (length < least) return sentences.minLength(least);
    if (max !== undefined && length > max) return sentences.maxLength(max);
    return problem(text);
  };
  const schema = {
    type: 'string',
    ...(typeof min === 'number' && min > 0 && { minLength: min }),
    ...(max !== undefined && { maxLength: max }),
    ...(format !== undefined && { format }),
  };
  return field('isText', check, options, schema);
}

interface IntegerOptions extends FieldOptions<number> {
  min: number;
  /** Where the value is stored; a column of the type `int` if it is left out. */
  column?: ColumnOf;
}

/** A JSON number without a fraction that the column holds: neither `"5"` nor `true` is one. */
export function IsInteger({ min, column, ...options }: IntegerOptions): PropertyDecorator {
  const bounds = column ? boundsOf(column) : INT_32;
  const { max } = bounds;
  const least = Math.max(min, bounds.min);
  const check: Check = (value) => {
    if (!Number.isInteger(value)) return sentences.integer;
    if ((value as number) < least) return sentences.min(least);
    if ((value as number) > max) return sentences.max(max);
    return null;
  };
  return field('isInteger', check, options, schemaOf({ min: least, max }));
}

/** @param options.max characters of each text, as of a text by itself */
export function IsTextList({
  max,
  ...options
}: FieldOptions<string[]> & { max: number }): PropertyDecorator {
  const check: Check = (value) => {
    if (!Array.isArray(value)) return sentences.list;
    if (!value.every(isText)) return sentences.string;
    return value.some((text) => codePoints(nfc(text)) > max) ? sentences.maxLength(max) : null;
  };
  const schema = { type: 'array', items: { type: 'string', maxLength: max } };
  return field('isTextList', check, options, schema);
}

/** The resource's own id, which a client may repeat in a body that replaces the resource. */
export function IsOwnId(): PropertyDecorator {
  const description = 'If given, the id of the path.';
  return IsInteger({ min: 1, example: 1, optional: true, description });
}

/** A field or a parameter, and what is wrong with it. */
export type Complaint = [name: string, sentences: string[]];

/** @returns `validation_failed`, with no more complaints than an answer need hold */
export function invalid(complaints: readonly Complaint[]): ApiError {
  // fromEntries defines members, so that one named __proto__ is a member like any other.
  const message = Object.fromEntries(complaints.slice(0, MAX_COMPLAINTS));
  return new ApiError(validationFailed, { message });
}

/**
 * Checks a body against the decorators of its class and makes it one: with all of its own fields
 * and no other.
 *
 * @param options.ignoreUnknown whether a field that the class does not have is left out, rather than
 *   refused
 * @throws ApiError `validation_failed`, with a sentence for each field
 */
export function validateBody<T extends object>(
  type: new () => T,
  body: unknown,
  config: AppConfig,
  { ignoreUnknown = false } = {},
): T {
  if (!isPlainObject(body)) {
    throw invalid([['_schema', [sentences.body]]]);
  }
  const dto = new type();
  configOf.set(dto, config);
  const known = fieldsOf(type);
  const unknown: Complaint[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (known.get(name)?.(config)) (dto as Record<string, unknown>)[name] = value;
    else if (!ignoreUnknown && unknown.length < MAX_COMPLAINTS) {
      unknown.push([name, [sentences.unknown]]);
    }
  }
  const errors = validateSync(dto, { forbidUnknownValues: false, validationError: NO_ECHO });
  const complaints = [...errors.map(messageOf), ...unknown];
  if (complaints.length > 0) throw invalid(complaints);
  return dto;
}

/** The settings that a body is checked under: class-validator hands its checks the body alone. */
const configOf = new WeakMap<object, AppConfig>();

/** An answer need not be larger than what provoked it. */
const MAX_COMPLAINTS = 100;
const NO_ECHO = { target: false, value: false };

function messageOf(error: ValidationError): Complaint {
  return [error.property, Object.values(error.constraints ?? {})];
}

function field<T>(
  name: string,
  check: Check,
  { optional = false, nullable = false, when = () => true, ...documentation }: FieldOptions<T>,
  schema: object,
): PropertyDecorator {
  const complaintOf = (value: unknown, dto: object): string | null => {
    if (value === undefined) return optional ? null : sentences.required;
    if (value === null) return nullable ? null : sentences.null;
    return check(value, configOf.get(dto)!);
  };
  // class-validator asks for the sentence right after the verdict, in the same breath.
  let latest: string | null = null;
  return applyDecorators(
    ApiProperty({ ...(nullable ? orNull(schema) : schema), ...documentation, required: !optional }),
    rememberField(when),
    ValidateBy({
      name,
      validator: {
        validate: (value, context) => {
          latest = complaintOf(value, context!.object);
          return latest === null;
        },
        defaultMessage: () => latest ?? '',
      },
    }),
  );
}

/** As JSON Schema says it, which OpenAPI 3.1 speaks. */
export function orNull(schema: object) {
  return { oneOf: [schema, { type: 'null' }] };
}

const FIELDS = Symbol('fields of a body');

/** The names of a body's fields, and under which settings each of them is known. */
type Fields = ReadonlyMap<string | symbol, (config: AppConfig) => boolean>;

const rememberField =
  (when: (config: AppConfig) => boolean): PropertyDecorator =>
  (target, name) => {
    const known = fieldsOf(target.constructor);
    Reflect.defineMetadata(FIELDS, new Map([...known, [name, when]]), target.constructor);
  };

function fieldsOf(type: object): Fields {
  return (Reflect.getMetadata(FIELDS, type) ?? new Map()) as Fields;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
