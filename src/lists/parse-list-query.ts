import { type Complaint, invalid, sentences } from '../validation/validation.js';
import { readCursor } from './cursor.js';
import { type ListFields, type Parameter, parseInteger, Refusal } from './list-field.js';
import { BY_ID, type ListQuery, type SortTerm } from './list-query.js';

export const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 1000;

/** As Fastify reads it. */
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
  const complaints: Complaint[] = [];
  const read = <T>(name: string, parse: (parameter: Parameter) => T | Refusal) => {
    const parameter = parameters[name];
    const parsed = parameter === undefined ? undefined : parse(parameter);
    if (!(parsed instanceof Refusal)) return parsed;
    complaints.push([name, [parsed.sentence]]);
    return undefined;
  };
  const limit = read('limit', parseLimit) ?? defaultLimit;
  const sort = read('sort', (parameter) => parseSort(fields, parameter)) ?? BY_ID;
  const after = read('cursor', (parameter) => readCursor(fields, sort, parameter)) ?? null;
  const filters = Object.entries(fields).flatMap(([name, { parse }]) => {
    const value = read(name, parse);
    return value === undefined ? [] : [[name, value] as const];
  });
  const known = new Set(['limit', 'sort', 'cursor', ...Object.keys(fields)]);
  const unknown = Object.keys(parameters).filter((name) => !known.has(name));
  complaints.push(...unknown.map((name): Complaint => [name, [sentences.unknown]]));
  if (complaints.length > 0) throw invalid(complaints);
  return { limit, sort, filters, after };
}

function parseLimit(parameter: Parameter): number | Refusal {
  const limit = parseInteger(parameter);
  if (limit === null) return new Refusal(sentences.integer);
  if (limit < 1) return new Refusal(sentences.min(1));
  return limit > MAX_LIMIT ? new Refusal(sentences.max(MAX_LIMIT)) : limit;
}

/** `-length,model`: fields, each once; a minus before those that go downwards. */
function parseSort(fields: ListFields, parameter: Parameter): readonly SortTerm[] | Refusal {
  if (typeof parameter !== 'string') return new Refusal(sentences.sort);
  const terms = parameter.split(',').map((word) => {
    const descending = word.startsWith('-');
    return { field: descending ? word.slice(1) : word, descending };
  });
  const names = terms.map(({ field }) => field);
  const sortable = names.every((name) => Object.hasOwn(fields, name) && fields[name]?.key);
  if (!sortable || new Set(names).size < names.length) return new Refusal(sentences.sort);
  // No two rows are the same behind an id.
  const end = names.indexOf('id');
  return end < 0 ? [...terms, ...BY_ID] : terms.slice(0, end + 1);
}
