import { applyDecorators } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { ApiError, validationFailed } from './api-error.js';
import { ApiErrors } from './api-errors.js';
import { parseId } from './resource-id.js';
import { sentences } from './validation.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export type PageParameters = Record<string, string | string[] | undefined>;

/** A part of a list in order of `id`: at most `limit` rows, of those behind `after`. */
export interface Page {
  limit: number;
  after: number;
}

export interface Row {
  id: number;
}

/**
 * @throws ApiError `validation_failed` for a parameter that is unknown, or a value that will not
 * do
 */
export function parsePage(parameters: PageParameters): Page {
  const messages: [string, string[]][] = Object.keys(parameters)
    .filter((name) => name !== 'limit' && name !== 'cursor')
    .map((name) => [name, [sentences.unknown]]);
  const limit = parseLimit(parameters.limit);
  if (typeof limit === 'string') messages.push(['limit', [limit]]);
  const after = parseCursor(parameters.cursor);
  if (typeof after === 'string') messages.push(['cursor', [after]]);
  if (messages.length > 0 || typeof limit === 'string' || typeof after === 'string') {
    throw new ApiError(validationFailed, { message: Object.fromEntries(messages) });
  }
  return { limit, after };
}

/**
 * The query string of the next page, or null where this one is the last.
 *
 * @param rows one row more than `page.limit` asks for, where there is one
 */
export function nextPage(page: Page, rows: readonly Row[]): string | null {
  const last = rows[page.limit - 1];
  if (rows.length <= page.limit || !last) return null;
  return `limit=${page.limit}&cursor=${cursorOf(last.id)}`;
}

export const ApiPage = () =>
  applyDecorators(
    ApiQuery({
      name: 'limit',
      required: false,
      description: 'How many at most.',
      schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
    }),
    ApiQuery({
      name: 'cursor',
      required: false,
      description: 'Where the page begins: as the `Link` of the page before it says.',
      schema: { type: 'string' },
    }),
    ApiErrors({ ...validationFailed, message: { limit: [sentences.max(MAX_LIMIT)] } }),
  );

/** What documents the header of a list. */
export const linkHeader = {
  Link: {
    description: 'Where more follow: `<…>; rel="next"`, the address of the next page.',
    schema: { type: 'string' as const },
  },
};

function cursorOf(id: number): string {
  return Buffer.from(String(id)).toString('base64url');
}

function parseLimit(text: PageParameters[string]): number | string {
  if (text === undefined) return DEFAULT_LIMIT;
  if (typeof text !== 'string' || !/^-?\d{1,15}$/.test(text)) return sentences.integer;
  const limit = Number(text);
  if (limit < 1) return sentences.min(1);
  return limit > MAX_LIMIT ? sentences.max(MAX_LIMIT) : limit;
}

function parseCursor(text: PageParameters[string]): number | string {
  if (text === undefined) return 0;
  if (typeof text !== 'string') return sentences.string;
  const id = parseId(Buffer.from(text, 'base64url').toString());
  return id !== null && cursorOf(id) === text ? id : sentences.cursor;
}
