import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, type ValidationArguments } from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { messageFor, priorityOf, strictCheck } from './checks.js';
import { isKnownWhen } from './decorators.js';
import { INT_32 } from './integer-column.js';
import { messages } from './messages.js';

export type BodyClass = new () => object;

type Metadata = ReturnType<
  ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']
>[number];

/** One decorator of class-validator on one field. */
export interface Check {
  name: string;
  constraints: readonly unknown[];
  /** Whether it is about each item of a list. */
  each: boolean;
  isValid: (value: unknown, args: ValidationArguments) => boolean;
  message: (args: ValidationArguments) => string;
  appliesTo: (object: object, value: unknown) => boolean;
}

/** How one field of a body is checked. */
export interface FieldPlan {
  name: string;
  /** Whether the field exists under these settings. */
  isKnown: (config: AppConfig) => boolean;
  /** All must hold, or the field is not checked: `@IsOptional`, `@ValidateIf`. */
  conditions: readonly ((object: object, value: unknown) => boolean)[];
  checks: readonly Check[];
  /** The class of a nested object, or of the items of a list. */
  nested: BodyClass | null;
  /** Whether the property is declared as an array. */
  isList: boolean;
  /** Whether a text is converted to a `Date`. */
  isDate: boolean;
}

/** How a body of a class is checked, worked out once. */
export type BodyPlan = ReadonlyMap<string, FieldPlan>;

const plans = new WeakMap<BodyClass, BodyPlan>();

/** @throws Error if the class cannot be checked; the message is the end of a sentence about it */
export function planOf(type: BodyClass): BodyPlan {
  const known = plans.get(type);
  if (known) return known;
  const byField = new Map<string, Metadata[]>();
  const storage = getMetadataStorage();
  for (const metadata of storage.getTargetValidationMetadatas(type, '', false, false)) {
    const { propertyName } = metadata;
    byField.set(propertyName, [...(byField.get(propertyName) ?? []), metadata]);
  }
  if (byField.size === 0) throw new Error(`${type.name} has no decorators of class-validator`);
  const plan = new Map([...byField].map(([name, all]) => [name, fieldPlan(type, name, all)]));
  plans.set(type, plan);
  for (const { nested } of plan.values()) if (nested) planOf(nested);
  return plan;
}

function fieldPlan(type: BodyClass, name: string, all: readonly Metadata[]): FieldPlan {
  const declared: unknown = Reflect.getMetadata('design:type', type.prototype as object, name);
  const isNested = all.some((metadata) => metadata.type === 'nestedValidation');
  const declaredChecks = all
    .filter(({ constraintCls }) => constraintCls !== undefined)
    .flatMap((metadata) => checksOf(type, metadata));
  const checks = [...declaredChecks, ...defaultBounds(declaredChecks)].sort(
    (a, b) => priorityOf(a.name) - priorityOf(b.name),
  );
  return {
    name,
    isKnown: isKnownWhen(type, name),
    conditions: all
      .filter((metadata) => metadata.type === 'conditionalValidation')
      .map(({ constraints }) => constraints[0] as FieldPlan['conditions'][number]),
    checks,
    nested: isNested ? nestedClass(type, name, declared) : null,
    isList: declared === Array,
    isDate: checks.some((check) => check.name === 'isDate'),
  };
}

function checksOf(type: BodyClass, metadata: Metadata): Check[] {
  const { constraintCls, constraints = [], each = false, message, validateIf } = metadata;
  return getMetadataStorage()
    .getTargetValidatorConstraints(constraintCls)
    .map((constraint) => {
      const { name } = constraint;
      if (constraint.async) {
        throw new Error(`${type.name}.${metadata.propertyName} has the asynchronous check ${name}`);
      }
      const strict = strictCheck(name);
      const { instance } = constraint;
      return {
        name,
        constraints: constraints as unknown[],
        each,
        isValid: strict
          ? (value) => strict(value, constraints as number[])
          : (value, args) => instance.validate(value, args) === true,
        message: (args) =>
          textOf(message, args) ??
          messageFor(name)?.(args) ??
          instance.defaultMessage?.(args) ??
          `Invalid (${name}).`,
        appliesTo: validateIf ?? (() => true),
      };
    });
}

/**
 * An integer without `@Min` or `@Max` is within 32 bits, like the columns that most integers are stored
 * in: PostgreSQL refuses larger ones, and SQLite would store them.
 */
function defaultBounds(checks: readonly Check[]): Check[] {
  const integer = checks.find(({ name }) => name === 'isInt');
  if (!integer) return [];
  const bound = (name: 'min' | 'max', isValid: Check['isValid']): Check[] => {
    if (checks.some((check) => check.name === name)) return [];
    const message = (args: ValidationArguments) => messages[name](args.constraints[0] as number);
    return [{ ...integer, name, constraints: [INT_32[name]], isValid, message }];
  };
  return [
    ...bound('min', (value) => (value as number) >= INT_32.min),
    ...bound('max', (value) => (value as number) <= INT_32.max),
  ];
}

/** The option `message` of a decorator, with class-validator's tokens. */
function textOf(message: Metadata['message'], args: ValidationArguments): string | undefined {
  const text = typeof message === 'function' ? message(args) : message;
  if (!text) return undefined;
  return text
    .replaceAll('$property', args.property)
    .replaceAll('$target', args.targetName)
    .replace(/\$constraint(\d+)/g, (_, index) => String(args.constraints[Number(index) - 1]));
}

const NO_CLASSES: readonly unknown[] = [undefined, Object, Array, String, Number, Boolean, Date];

/** From `@Type(() => Item)` of class-transformer, or the declared type of the property. */
function nestedClass(type: BodyClass, name: string, declared: unknown): BodyClass {
  const typed = defaultMetadataStorage.findTypeMetadata(type, name);
  const found: unknown = typed ? typed.typeFunction() : declared;
  if (NO_CLASSES.includes(found)) {
    throw new Error(`${type.name}.${name} has @ValidateNested() and no @Type(() => …)`);
  }
  return found as BodyClass;
}
