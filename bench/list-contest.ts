import { setTimeout as sleep } from 'node:timers/promises';
import type { ListQuery } from './list-queries.js';
import { putUnderLoad } from './load.js';
import { logIn } from './same-answer.js';
import { scenarios } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

const LIST = '/api/ships';
const LARGEST_PAGE = 1000;
const PAGE = 100;
/** Few, so that the figures are of the pages and not of a line before them. */
const CONNECTIONS = 2;
/** Milliseconds in which the server ends what its last round has left over. */
const PAUSE = 100;

export interface PageResult {
  requestsPerSecond: number;
  /** Milliseconds, over all rounds. */
  p50: number;
}

export interface ListResult {
  engine: string;
  query: ListQuery;
  first: PageResult;
  last: PageResult;
  /** Which page the last is, from 1. */
  page: number;
  /** The last page's rate as a share of the first's. */
  ratio: Ratio;
}

type Row = { id: number };

/** Measures the first page of a list against the last one that is full. */
export async function listContest(
  engine: string,
  query: ListQuery,
  { origin }: ServerProcess,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<ListResult> {
  const first = `${origin}${LIST}?${query.query}&limit=${PAGE}`.replace('?&', '?');
  const { url: last, page } = await lastFullPage(first);
  const rates: Record<'first' | 'last', number[]> = { first: [], last: [] };
  const latencies: Record<'first' | 'last', number[]> = { first: [], last: [] };
  const measure = async (side: 'first' | 'last', url: string, keep: boolean): Promise<void> => {
    await sleep(PAUSE);
    const load = { method: 'GET', headers: {}, url, connections: CONNECTIONS, seconds } as const;
    const measured = await putUnderLoad(load);
    if (!keep) return;
    rates[side].push(measured.requestsPerSecond);
    latencies[side].push(...measured.latencies);
  };
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

/** Walks there, in the largest steps that there are. */
async function lastFullPage(first: string): Promise<{ url: string; page: number }> {
  let rows = 0;
  let step = withLimit(first, LARGEST_PAGE);
  for (;;) {
    const page = await fetchPage(step);
    if (page.next === null) break;
    rows += page.rows.length;
    step = page.next;
  }
  let found = { url: first, page: 1 };
  for (let url: string | null = withLimit(step, PAGE); url !== null;) {
    const page: FetchedPage = await fetchPage(url);
    if (page.rows.length === PAGE) found = { url, page: rows / PAGE + 1 };
    rows += page.rows.length;
    url = page.next;
  }
  return found;
}

export interface Walk {
  ships: number;
  pages: number;
  added: number;
  seconds: number;
}

/**
 * Walks the whole list by its links, while ships are added as fast as the service takes them.
 *
 * @throws Error where a ship that was there before is missing, or any is there twice
 */
export async function walkAll(server: ServerProcess, count: number): Promise<Walk> {
  const start = performance.now();
  const adding = addShips(server);
  const seen = new Set<number>();
  let pages = 0;
  let url: string | null = `${server.origin}${LIST}?limit=${LARGEST_PAGE}`;
  while (url !== null) {
    const page: FetchedPage = await fetchPage(url);
    for (const { id } of page.rows) {
      if (seen.has(id)) throw new Error(`The walk meets ship ${id} twice.`);
      seen.add(id);
    }
    pages++;
    url = page.next;
    // Else it might be followed by others for ever.
    if (seen.size >= count) adding.stop();
  }
  adding.stop();
  const added = await adding.done;
  for (let id = 1; id <= count; id++) {
    if (!seen.has(id)) throw new Error(`The walk does not meet ship ${id}.`);
  }
  return { ships: count, pages, added, seconds: (performance.now() - start) / 1000 };
}

/** Adds one ship after the other until it is stopped. */
function addShips(server: ServerProcess): { stop: () => void; done: Promise<number> } {
  let stopped = false;
  const { body } = scenarios.find(({ name }) => name === 'create-ship')!;
  const add = async (): Promise<number> => {
    const headers = {
      authorization: `Bearer ${await logIn(server)}`,
      'content-type': 'application/json',
    };
    let added = 0;
    for (; !stopped; added++) {
      const request = { method: 'POST', headers, body: JSON.stringify(body) };
      const { status } = await fetch(server.origin + LIST, request);
      if (status !== 201) throw new Error(`POST ${LIST} answers ${status}.`);
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
  if (!response.ok) throw new Error(`${url} answers ${response.status}.`);
  const next = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
  return { rows: (await response.json()) as Row[], next };
}

function withLimit(url: string, limit: number): string {
  const changed = new URL(url);
  changed.searchParams.set('limit', String(limit));
  return changed.href;
}
