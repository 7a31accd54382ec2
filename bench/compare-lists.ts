import { setTimeout as sleep } from 'node:timers/promises';
import type { ListQuery } from './list-queries.js';
import { putUnderLoad } from './load.js';
import { logIn } from './same-answer.js';
import { scenarios } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

const LIST = '/api/crates';
const MAX_PAGE_SIZE = 1000;
const PAGE_SIZE = 100;
/** Few, so that the figures show the cost of the pages and not the time in a queue. */
const CONNECTIONS = 2;
/** Milliseconds in which the server finishes the work of its last round. */
const PAUSE = 100;

interface PageResult {
  /** The median of the rounds. */
  requestsPerSecond: number;
  /** The median latency over all rounds, in milliseconds. */
  p50: number;
}

export interface ListResult {
  engine: string;
  query: ListQuery;
  first: PageResult;
  last: PageResult;
  /** The number of the last full page, from 1. */
  page: number;
  /** The rate of the last page divided by that of the first. */
  ratio: Ratio;
}

type Row = { id: number };

/** Compares the last full page of a list with its first page. */
export async function comparePages(
  engine: string,
  query: ListQuery,
  server: ServerProcess,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<ListResult> {
  const first = `${server.origin}${LIST}?${query.query}&limit=${PAGE_SIZE}`.replace('?&', '?');
  const { url: last, page } = await findLastFullPage(first);
  const rates: Record<'first' | 'last', number[]> = { first: [], last: [] };
  const latencies: Record<'first' | 'last', number[]> = { first: [], last: [] };
  const measure = async (side: 'first' | 'last', url: string, keep: boolean): Promise<void> => {
    await sleep(PAUSE);
    const path = url.replace(server.origin, '');
    const load = { method: 'GET', headers: {}, path, connections: CONNECTIONS, seconds } as const;
    const measured = await putUnderLoad(server, load);
    if (!keep) return;
    rates[side].push(measured.requestsPerSecond);
    latencies[side].push(...measured.latencies);
  };
  // Round -1 only warms the server up.
  for (let round = -1; round < rounds; round++) {
    await measure('first', first, round >= 0);
    await measure('last', last, round >= 0);
  }
  const result = (side: 'first' | 'last'): PageResult => ({
    requestsPerSecond: median(rates[side]),
    p50: quantile(latencies[side], 0.5),
  });
  const ratio = compareRounds(rates.last, rates.first);
  return { engine, query, page, ratio, first: result('first'), last: result('last') };
}

/** Follows the links to the end of the list, at first with the largest page size. */
async function findLastFullPage(first: string): Promise<{ url: string; page: number }> {
  let rows = 0;
  let step = withLimit(first, MAX_PAGE_SIZE);
  for (;;) {
    const page = await fetchPage(step);
    if (page.next === null) break;
    rows += page.rows.length;
    step = page.next;
  }
  let found = { url: first, page: 1 };
  for (let url: string | null = withLimit(step, PAGE_SIZE); url !== null;) {
    const page: FetchedPage = await fetchPage(url);
    if (page.rows.length === PAGE_SIZE) found = { url, page: rows / PAGE_SIZE + 1 };
    rows += page.rows.length;
    url = page.next;
  }
  return found;
}

/** The result of following the links through a whole list. */
export interface Traversal {
  crates: number;
  pages: number;
  added: number;
  seconds: number;
}

/**
 * Follows the links through the whole list, while another client adds crates as fast as it can.
 *
 * @throws Error if a crate that existed before is missing, or if a crate occurs twice
 */
export async function traverseList(server: ServerProcess, count: number): Promise<Traversal> {
  const start = performance.now();
  const adding = addCrates(server);
  const seen = new Set<number>();
  let pages = 0;
  let url: string | null = `${server.origin}${LIST}?limit=${MAX_PAGE_SIZE}`;
  while (url !== null) {
    const page: FetchedPage = await fetchPage(url);
    for (const { id } of page.rows) {
      if (seen.has(id)) throw new Error(`Crate ${id} is in the list twice.`);
      seen.add(id);
    }
    pages++;
    url = page.next;
    // Otherwise crates might be added faster than they are read, and the traversal would never end.
    if (seen.size >= count) adding.stop();
  }
  adding.stop();
  const added = await adding.done;
  for (let id = 1; id <= count; id++) {
    if (!seen.has(id)) throw new Error(`Crate ${id} is missing in the list.`);
  }
  return { crates: count, pages, added, seconds: (performance.now() - start) / 1000 };
}

/** Adds crates one after the other until it is stopped. */
function addCrates(server: ServerProcess): { stop: () => void; done: Promise<number> } {
  let stopped = false;
  const { body } = scenarios.find(({ name }) => name === 'create-crate')!;
  const add = async (): Promise<number> => {
    const headers = {
      authorization: `Bearer ${(await logIn(server)).access}`,
      'content-type': 'application/json',
    };
    let added = 0;
    for (; !stopped; added++) {
      const request = { method: 'POST', headers, body: JSON.stringify(body) };
      const { status } = await fetch(server.origin + LIST, request);
      if (status !== 201) throw new Error(`POST ${LIST}: ${status}.`);
    }
    return added;
  };
  return { stop: () => void (stopped = true), done: add() };
}

interface FetchedPage {
  rows: Row[];
  next: string | null;
}

async function fetchPage(url: string): Promise<FetchedPage> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}.`);
  const next = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  const rows = (await response.json()) as Row[];
  // In production the reference does not name the host.
  return { rows, next: next === undefined ? null : new URL(next, url).href };
}

function withLimit(url: string, limit: number): string {
  const changed = new URL(url);
  changed.searchParams.set('limit', String(limit));
  return changed.href;
}
