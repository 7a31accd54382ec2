import type { ValidationArguments } from 'class-validator';
import { messages } from './messages.js';
import { codePoints, isText, nfc } from './values.js';

type StrictCheck = (value: unknown, constraints: readonly never[]) => boolean;

/**
 * Checks that are stricter than those of class-validator, which counts characters in another way
 * and accepts texts that databases cannot store.
 */
const STRICT: Readonly<Record<string, StrictCheck>> = {
  isString: isText,
  minLength: (value, [min = 0]) => isText(value) && codePoints(nfc(value)) >= min,
  maxLength: (value, [max = Infinity]) => isText(value) && codePoints(nfc(value)) <= max,
  isLength: (value, [min = 0, max = Infinity]) =>
    isText(value) && codePoints(nfc(value)) >= min && codePoints(nfc(value)) <= max,
  isDate: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  // class-validator also accepts the names of a numeric enum.
  isEnum: (value, [members]) => enumValues(members ?? {}).includes(value),
};

/** @returns a stricter check in place of the one of class-validator, if there is one */
export function strictCheck(name: string): StrictCheck | undefined {
  return STRICT[name];
}

/** The messages by the name of the constraint. Others have the message of their decorator. */
const MESSAGES: Readonly<Record<string, (args: ValidationArguments) => string>> = {
  isDefined: () => messages.required,
  isArray: () => messages.list,
  nestedValidation: () => messages.body,
  isObject: () => messages.body,
  isString: () => messages.string,
  isInt: () => messages.integer,
  isNumber: () => messages.number,
  isBoolean: () => messages.boolean,
  isDate: () => messages.dateTime,
  isDateString: () => messages.dateTime,
  isIso8601: () => messages.dateTime,
  isRFC3339: () => messages.dateTime,
  isEmail: () => messages.email,
  isEnum: ({ constraints }) => messages.oneOf(enumValues(constraints[0] as object)),
  isIn: ({ constraints }) => messages.oneOf(constraints[0] as unknown[]),
  isNotEmpty: () => messages.minLength(1),
  minLength: ({ constraints: [min] }) => messages.minLength(min as number),
  maxLength: ({ constraints: [max] }) => messages.maxLength(max as number),
  isLength: ({ value, constraints }) => {
    const [min, max] = constraints as [number, number];
    const isShort = isText(value) && codePoints(nfc(value)) < min;
    return isShort ? messages.minLength(min) : messages.maxLength(max);
  },
  arrayNotEmpty: () => messages.minLength(1),
  arrayMinSize: ({ constraints: [min] }) => messages.minLength(min as number),
  arrayMaxSize: ({ constraints: [max] }) => messages.maxLength(max as number),
  min: ({ constraints: [min] }) => messages.min(min as number),
  max: ({ constraints: [max] }) => messages.max(max as number),
};

export function messageFor(name: string): ((args: ValidationArguments) => string) | undefined {
  return MESSAGES[name];
}

/** The type of a value is checked before its content, and a list before its items. */
const TYPES = [
  ...['isDefined', 'isArray', 'isObject', 'isString', 'isInt', 'isNumber', 'isBoolean', 'isDate'],
  ...['isDateString', 'isIso8601', 'isRFC3339', 'isEnum', 'isIn'],
];

/** Sizes are checked before other content. */
const SIZES = [
  ...['isNotEmpty', 'isLongEnough', 'isLength', 'minLength', 'maxLength', 'min', 'max'],
  ...['arrayNotEmpty', 'arrayMinSize', 'arrayMaxSize'],
];

/** Checks run in this order; the first that fails gives the message. */
export function priorityOf(name: string): number {
  const index = [...TYPES, ...SIZES].indexOf(name);
  return index < 0 ? TYPES.length + SIZES.length : index;
}

/** Whether the check concerns the type of a value, and not its content. */
export function isTypeCheck(name: string): boolean {
  return TYPES.includes(name);
}

/** The values of a TypeScript enum. A numeric enum also maps its values to its names. */
export function enumValues(members: object): unknown[] {
  const isReverse = (name: string) => /^-?\d/.test(name);
  return Object.entries(members)
    .filter(([name]) => !isReverse(name))
    .map(([, value]): unknown => value);
}
