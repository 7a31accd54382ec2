import { TransformationType } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, type ValidationArguments } from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { isTypeCheck, messageFor, priorityOf, strictCheck } from './checks.js';
import { isKnown } from './decorators.js';
import { INT_32 } from './integer-column.js';
import { messages } from './messages.js';

export type BodyClass = new () => object;

type Metadata = ReturnType<
  ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']
>[number];

/** One decorator of class-validator on one field. */
export interface Check {
  name: string;
  constraints: unknown[];
  /** Whether the check concerns each item of a list. */
  each: boolean;
  isValid: (value: unknown, args: ValidationArguments) => boolean;
  message: (args: ValidationArguments) => string;
  /** The option `validateIf` of the decorator; null if the check always applies. */
  appliesTo: ((object: object, value: unknown) => boolean) | null;
}

/** How one field of a body is checked. */
export interface FieldPlan {
  name: string;
  /** Whether the field exists under these settings. */
  isKnown: (config: AppConfig) => boolean;
  /** All must hold, or the field is not checked: `@IsOptional`, `@ValidateIf`. */
  conditions: readonly ((object: object, value: unknown) => boolean)[];
  /** Checks of the type of the value. They run before all others. */
  typeChecks: readonly Check[];
  contentChecks: readonly Check[];
  /** The class of a nested object, or of the items of a list. */
  nested: BodyClass | null;
  /** Whether the value is a list. */
  isList: boolean;
  /** Whether a text is converted to a `Date`. */
  isDate: boolean;
}

/** How the fields of a body are checked, by name. */
type BodyPlan = ReadonlyMap<string, FieldPlan>;

const plans = new WeakMap<BodyClass, BodyPlan>();

/** @throws Error if the class cannot be checked; the message is the end of a sentence about it */
export function planOf(type: BodyClass): BodyPlan {
  const known = plans.get(type);
  if (known) return known;
  const byField = new Map<string, Metadata[]>();
  for (const metadata of metadataOf(type)) {
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
  refuseUnsupported(type, name, all);
  const nested = all.filter((metadata) => metadata.type === 'nestedValidation');
  const declaredChecks = all
    .filter(({ constraintCls }) => constraintCls !== undefined)
    .flatMap((metadata) => checksOf(type, metadata));
  const checks = [...declaredChecks, ...defaultBounds(declaredChecks)].sort(
    (a, b) => priorityOf(a.name) - priorityOf(b.name) || narrowness(b) - narrowness(a),
  );
  const conditions = all
    .filter((metadata) => metadata.type === 'conditionalValidation')
    .map(({ constraints }) => constraints[0] as FieldPlan['conditions'][number]);
  return {
    name,
    isKnown: (config) => isKnown(conditions, config),
    conditions,
    typeChecks: checks.filter((check) => isTypeCheck(check.name)),
    contentChecks: checks.filter((check) => !isTypeCheck(check.name)),
    nested: nested.length > 0 ? nestedClass(type, name, declared) : null,
    isList:
      declared === Array ||
      checks.some((check) => check.name === 'isArray' || check.each) ||
      nested.some(({ each }) => each),
    isDate: checks.some((check) => check.name === 'isDate'),
  };
}

/** Of several bounds of one kind, the narrowest is checked first: its message is the useful one. */
function narrowness({ name, constraints: [bound] }: Check): number {
  if (typeof bound !== 'number') return 0;
  return name === 'max' || name === 'maxLength' ? -bound : bound;
}

/** @throws Error for decorators that would be ignored silently */
function refuseUnsupported(type: BodyClass, name: string, all: readonly Metadata[]): void {
  const field = `${type.name}.${name}`;
  if (all.some(({ groups }) => groups?.length > 0)) throw new Error(`${field} has groups`);
  const { length } = defaultMetadataStorage.findTransformMetadatas(
    type,
    name,
    TransformationType.PLAIN_TO_CLASS,
  );
  if (length > 0) throw new Error(`${field} has @Transform(), which is not run`);
  const content = all.filter(
    (metadata) => metadata.type === 'customValidation' && !isListCheck(metadata),
  );
  if (new Set(content.map(({ each }) => each === true)).size > 1) {
    throw new Error(`${field} has decorators with and without { each: true }`);
  }
}

/** Whether the decorator is about a list, such as `@IsArray()` and `@ArrayMaxSize()`. */
function isListCheck({ constraintCls }: Metadata): boolean {
  const [constraint] = getMetadataStorage().getTargetValidatorConstraints(constraintCls);
  return /^(isArray|array|isDefined|isNotEmpty)/.test(constraint?.name ?? '');
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
          ? (value) => strict(value, constraints as never[])
          : (value, args) => isTrue(instance.validate(value, args)),
        message: (args) =>
          textOf(message, args) ??
          messageFor(name)?.(args) ??
          textOf(instance.defaultMessage?.(args), args) ??
          `Invalid (${name}).`,
        appliesTo: validateIf ?? null,
      };
    });
}

/** A promise is not awaited, so that it counts as a failure. */
function isTrue(result: unknown): boolean {
  return Boolean(result) && !(result instanceof Promise);
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
    if (name === 'min' && checks.some((check) => check.name === 'isPositive')) return [];
    const message = (args: ValidationArguments) => messages[name](args.constraints[0] as number);
    return [{ ...integer, name, constraints: [INT_32[name]], isValid, message }];
  };
  return [
    ...bound('min', (value) => (value as number) >= INT_32.min),
    ...bound('max', (value) => (value as number) <= INT_32.max),
  ];
}

/** Replaces class-validator's tokens, such as `$property` and `$constraint1`. */
function textOf(
  message: Metadata['message'] | undefined,
  args: ValidationArguments,
): string | undefined {
  const text = typeof message === 'function' ? message(args) : message;
  if (!text) return undefined;
  const { property, targetName, constraints } = args;
  const value: unknown = args.value;
  const shown = ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : 'this';
  return text
    .replaceAll('$property', () => property)
    .replaceAll('$target', () => targetName)
    .replaceAll('$value', () => shown.slice(0, 100))
    .replace(/\$constraint(\d+)/g, (_, index) => String(constraints[Number(index) - 1]));
}

const NO_CLASSES: readonly unknown[] = [undefined, Object, Array, String, Number, Boolean, Date];

/** Whether the declared type of a parameter or a property is a class whose decorators can be read. */
export function isBodyClass(type: unknown): type is BodyClass {
  return !NO_CLASSES.includes(type);
}

/** The metadata that the decorators of class-validator have registered for a class. */
export function metadataOf(type: BodyClass): readonly Metadata[] {
  return getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
}

/** The class in `@Type(() => Item)` of class-transformer, or the declared type of the property. */
function nestedClass(type: BodyClass, name: string, declared: unknown): BodyClass {
  const typed = defaultMetadataStorage.findTypeMetadata(type, name);
  if (typed?.options?.discriminator) {
    throw new Error(`${type.name}.${name} has a @Type() with a discriminator`);
  }
  const found: unknown = typed ? typed.typeFunction() : declared;
  if (!isBodyClass(found)) {
    throw new Error(`${type.name}.${name} has @ValidateNested() and no @Type(() => …)`);
  }
  return found;
}
