import type { FetchOptions } from 'openapi-fetch';
import { unwrap } from './errors.js';

interface List {
  get: { responses: { 200: { content: { 'application/json': readonly unknown[] } } } };
}

/** The paths whose GET answers an array. */
export type ListPath<Paths> = {
  [Path in keyof Paths]: Paths[Path] extends List ? Path : never;
}[keyof Paths];

/** An element of a list. */
export type ItemOf<Operations> = Operations extends List
  ? Operations['get']['responses'][200]['content']['application/json'][number]
  : never;

export type PageOptions<Operations> = Operations extends { get: infer Operation }
  ? FetchOptions<Operation>
  : never;

export interface ListResult {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** @param get sends a request for the page at a cursor, or for the first page */
export async function* itemsOf<Item>(
  get: (cursor: string | undefined) => Promise<ListResult>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const result = await get(cursor);
    const items: unknown = unwrap(result);
    yield* items as Item[];
    cursor = nextCursor(result.response);
  } while (cursor !== undefined);
}

/**
 * The cursor in the link to the next page (RFC 8288). The rest of the link is not used: behind a
 * proxy the service may not know its own address, and a token must not be sent to another one.
 */
function nextCursor({ headers }: Response): string | undefined {
  const link = /[?&]cursor=([^&>]+)[^>]*>; *rel="?next/.exec(headers.get('link') ?? '');
  return link ? decodeURIComponent(link[1]!) : undefined;
}
