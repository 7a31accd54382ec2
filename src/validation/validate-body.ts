import type { ValidationArguments } from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { type BodyClass, type Check, type FieldPlan, planOf } from './body-plan.js';
import { setSettings } from './decorators.js';
import { type FieldError, invalid, MAX_FIELD_ERRORS } from './field-errors.js';
import { messages } from './messages.js';
import { hasOnlyText, isDateTime, isPlainObject } from './values.js';

interface Context {
  config: AppConfig;
  ignoreUnknown: boolean;
  errors: FieldError[];
}

/**
 * Checks a body against the class-validator decorators of its class, and converts it to an instance
 * of the class. Every field is required unless a decorator says otherwise, and no other field is
 * allowed. An error of a nested field is named by its path: `address.city`, `items.0.name`.
 *
 * @param options.ignoreUnknown whether unknown fields are left out, and not refused
 * @throws ApiError `validation_failed`, with a message for each invalid field
 */
export function validateBody<T extends object>(
  type: new () => T,
  body: unknown,
  config: AppConfig,
  { ignoreUnknown = false } = {},
): T {
  const context: Context = { config, ignoreUnknown, errors: [] };
  if (!isPlainObject(body)) throw invalid([['_schema', [messages.body]]]);
  const dto = instanceOf(type, body, context, '');
  if (context.errors.length > 0) throw invalid(context.errors);
  return dto as T;
}

/** Errors of known fields come first, in the order of the class. */
function instanceOf(
  type: BodyClass,
  body: Record<string, unknown>,
  context: Context,
  path: string,
): object {
  const plan = planOf(type);
  const dto = new type() as Record<string, unknown>;
  setSettings(dto, context.config);
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    const field = plan.get(name);
    if (field?.isKnown(context.config)) dto[name] = field.isDate ? toDate(value) : value;
    else if (!context.ignoreUnknown && unknown.length < MAX_FIELD_ERRORS) unknown.push(name);
  }
  for (const field of plan.values()) checkField(field, dto, context, path);
  for (const name of unknown) context.errors.push([path + name, [messages.unknown]]);
  return dto;
}

function checkField(
  field: FieldPlan,
  dto: Record<string, unknown>,
  context: Context,
  path: string,
): void {
  const { name, conditions, nested } = field;
  const value = dto[name];
  if (!conditions.every((condition) => holds(condition, dto, value))) return;
  if (value === undefined && !isChecked(field)) return;
  const message = fieldError(field, dto, value);
  if (message !== null) context.errors.push([path + name, [message]]);
  else if (nested) dto[name] = checkNested(nested, value, context, path + name);
}

/** A condition that throws, such as for a missing field, does not exempt the field from its checks. */
function holds(condition: FieldPlan['conditions'][number], dto: object, value: unknown): boolean {
  try {
    return condition(dto, value);
  } catch {
    return true;
  }
}

function isChecked({ typeChecks, contentChecks, nested }: FieldPlan): boolean {
  return typeChecks.length > 0 || contentChecks.length > 0 || nested !== null;
}

function fieldError(field: FieldPlan, dto: object, value: unknown): string | null {
  const { typeChecks, contentChecks, nested, isList } = field;
  if (isChecked(field) && value === undefined) return messages.required;
  if (isChecked(field) && value === null) return messages.null;
  const message =
    firstFailure(typeChecks, field, dto, value) ??
    (nested || hasOnlyText(value)
      ? firstFailure(contentChecks, field, dto, value)
      : messages.string);
  if (message !== null) return message;
  if (!nested) return null;
  if (isList !== Array.isArray(value)) return isList ? messages.list : messages.body;
  return [value].flat().every(isPlainObject) ? null : messages.body;
}

function firstFailure(
  checks: readonly Check[],
  { name }: FieldPlan,
  dto: object,
  value: unknown,
): string | null {
  for (const check of checks) {
    if (check.appliesTo && !check.appliesTo(dto, value)) continue;
    const { constraints } = check;
    const targetName = dto.constructor.name;
    const args = { targetName, property: name, object: dto, value, constraints };
    if (!isValid(check, value, args)) return check.message(args);
  }
  return null;
}

function isValid({ each, isValid: check }: Check, value: unknown, args: ValidationArguments) {
  try {
    if (!each) return check(value, args);
    return Array.isArray(value) && value.every((item) => check(item, args));
  } catch {
    // A custom check may throw if it does not expect the value.
    return false;
  }
}

function checkNested(type: BodyClass, value: unknown, context: Context, path: string): unknown {
  const make = (item: unknown, at: string) =>
    instanceOf(type, item as Record<string, unknown>, context, `${at}.`);
  if (!Array.isArray(value)) return make(value, path);
  return value.map((item, index) => make(item, `${path}.${index}`));
}

/**
 * Converts dates and times (RFC 3339) to `Date`. The check of the field refuses any other value.
 */
function toDate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toDate);
  return isDateTime(value) ? new Date(value) : value;
}
