import { type FieldError, invalid } from '../validation/field-errors.js';
import { messages } from '../validation/messages.js';
import { readCursor } from './cursor.js';
import type { Value } from '../database/select.js';
import {
  InvalidParameter,
  type ListField,
  type ListFields,
  type Parameter,
  parseInteger,
} from './list-field.js';
import {
  BY_ID,
  firstPage,
  type ListQuery,
  type ListRange,
  RANGE_OPERATORS,
  type RangeOperator,
  type SortTerm,
} from './list-query.js';

export const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 1000;

/** The query string as Fastify parses it. */
export type QueryString = Readonly<Record<string, Parameter | undefined>>;

/**
 * @param fields that clients may filter and sort by
 * @throws ApiError `validation_failed`, with a message for each parameter that is unknown or
 * invalid
 */
export function parseListQuery(
  fields: ListFields,
  parameters: QueryString,
  defaultLimit = DEFAULT_LIMIT,
): ListQuery {
  if (Object.keys(parameters).length === 0) return firstPage(defaultLimit);
  const errors: FieldError[] = [];
  const read = <T>(name: string, parse: (parameter: Parameter) => T | InvalidParameter) => {
    const parameter = parameters[name];
    const parsed = parameter === undefined ? undefined : parse(parameter);
    if (!(parsed instanceof InvalidParameter)) return parsed;
    errors.push([name, [parsed.message]]);
    return undefined;
  };
  const limit = read('limit', parseLimit) ?? defaultLimit;
  const sort = read('sort', (parameter) => parseSort(fields, parameter)) ?? BY_ID;
  const after = read('cursor', (parameter) => readCursor(fields, sort, parameter)) ?? null;
  const filters = Object.entries(fields).flatMap(([name, { parse }]) => {
    const value = read(name, parse);
    return value === undefined ? [] : [[name, value] as const];
  });
  const ranges: ListRange[] = [];
  const known = new Set(['limit', 'sort', 'cursor', ...Object.keys(fields)]);
  for (const name of Object.keys(parameters)) {
    if (known.has(name)) continue;
    const range = rangeOf(fields, name);
    if (!range) errors.push([name, [messages.unknown]]);
    const value = range && read(name, (parameter) => parseBound(fields[range.field]!, parameter));
    if (range && value !== undefined) ranges.push({ ...range, value });
  }
  if (errors.length > 0) throw invalid(errors);
  return { limit, sort, filters, ranges, after };
}

/** The field and the operator in `crew[gte]`; undefined for a field without a range. */
function rangeOf(fields: ListFields, name: string): Omit<ListRange, 'value'> | undefined {
  const [, field = '', operator = ''] = /^([^[]+)\[(\w+)\]$/.exec(name) ?? [];
  const isRange = Object.hasOwn(RANGE_OPERATORS, operator) && Object.hasOwn(fields, field);
  return isRange && fields[field]!.key ? { field, operator: operator as RangeOperator } : undefined;
}

/** Parses a bound like the value of a filter, but null is in no range. */
function parseBound(
  { parse, nullable }: ListField,
  parameter: Parameter,
): Value | InvalidParameter {
  return nullable && parameter === 'null' ? new InvalidParameter(messages.null) : parse(parameter);
}

function parseLimit(parameter: Parameter): number | InvalidParameter {
  const limit = parseInteger(parameter);
  if (limit === null) return new InvalidParameter(messages.integer);
  if (limit < 1) return new InvalidParameter(messages.min(1));
  return limit > MAX_LIMIT ? new InvalidParameter(messages.max(MAX_LIMIT)) : limit;
}

/** Parses `-length,model`: fields, each at most once; a minus means descending order. */
function parseSort(
  fields: ListFields,
  parameter: Parameter,
): readonly SortTerm[] | InvalidParameter {
  if (typeof parameter !== 'string') return new InvalidParameter(messages.sort);
  const terms = parameter.split(',').map((word) => {
    const descending = word.startsWith('-');
    return { field: descending ? word.slice(1) : word, descending };
  });
  const names = terms.map(({ field }) => field);
  const sortable = names.every((name) => Object.hasOwn(fields, name) && fields[name]?.key);
  if (!sortable || new Set(names).size < names.length) return new InvalidParameter(messages.sort);
  // Ids are unique, so fields after `id` have no effect.
  const end = names.indexOf('id');
  return end < 0 ? [...terms, ...BY_ID] : terms.slice(0, end + 1);
}
