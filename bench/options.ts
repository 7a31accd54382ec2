import { parseArgs } from 'node:util';
import { listQueries, type ListQuery } from './list-queries.js';
import { onPostgres, type Scenario, scenarios } from './scenarios.js';
import { type TokenCheck, tokenChecks } from './token-checks.js';

export interface Options {
  /** How often the servers whose routes are measured start. */
  launches: number;
  /** The number of measured rounds of each comparison; of a route, for each launch. */
  rounds: number;
  /** The duration of a round. */
  seconds: number;
  scenarios: readonly Scenario[];
  tokenChecks: readonly TokenCheck[];
  listQueries: readonly ListQuery[];
  /** The number of crates in the lists. */
  crates: number;
  /** Whether to measure if the time of a login reveals that a user exists. */
  loginTimes: boolean;
  /** Whether to measure how long hostile requests delay others. */
  stalls: boolean;
  /** Whether to measure how long floods of password hashes delay a login from elsewhere. */
  floods: boolean;
  /** Whether to measure how long the removal of expired rows delays requests and the shutdown. */
  purge: boolean;
  /** Whether to compare several workers with one. */
  workers: boolean;
  /** Whether to compare a large database with a small one. */
  growth: boolean;
  /** The number of sessions, revoked tokens and audit entries of the large database, each. */
  rows: number;
  /** The database of the routes that are compared with the baseline. */
  engine: 'sqlite' | 'postgres';
  /** The file of a chart of the routes, if one is wanted. */
  chart: string | undefined;
  /** A commit. The routes are compared with this build instead of the baseline. */
  against: string | undefined;
  /** Settings of the product that the routes are measured with. */
  settings: Record<string, string>;
  format: 'text' | 'markdown' | 'json';
}

/** Names for `--only` that select all benchmarks of a kind. */
const ROUTES = 'routes';
const CHECKS = 'checks';
const LISTS = 'lists';
const LOGIN_TIMES = 'login-times';
const STALLS = 'stalls';
const FLOODS = 'floods';
const PURGE = 'purge';
const WORKERS = 'workers';
const GROWTH = 'growth';
const ALL = [ROUTES, CHECKS, LISTS, LOGIN_TIMES, STALLS, FLOODS, PURGE, WORKERS, GROWTH];

export const usage = `npm run bench -- [options]
  --launches <n>  number of times that the servers start whose routes are compared (3)
  --rounds <n>    number of measured rounds of each comparison; of a route, for each launch (5)
  --seconds <n>   duration of a round of a route (1); a round of a token check or a list takes half
                  of this time
  --crates <n>     number of crates in the lists (1000000)
  --rows <n>      number of sessions, of revoked tokens and of audit entries of the large database of
                  ${GROWTH} (1000000)
  --only <name>   runs only this benchmark; may be repeated:
                  ${ROUTES}, or one of them: ${namesOf(scenarios)}
                  ${CHECKS}, or one of them: ${namesOf(tokenChecks)}
                  ${LISTS}, or one of them: ${namesOf(listQueries)}
                  ${LOGIN_TIMES}: refused logins of existing users and of unknown names
                  ${STALLS}: how long hostile requests delay others
                  ${FLOODS}: how long floods of password hashes delay a login from elsewhere
                  ${PURGE}: how long the removal of expired rows delays requests
                  ${WORKERS}: two and three workers, compared with one
                  ${GROWTH}: requests, start and removal with a large database
  --against <ref> compares the routes with the build of another commit, tag or branch instead of
                  the baseline; --only selects routes
  --postgres      compares the routes with the baseline on PostgreSQL, with other targets
  --chart <file>  draws the ratios of the routes as an SVG image
  --with <NAME=value>
                  measures the routes with this setting, which the other side does not get; may be
                  repeated. \`--against HEAD --with LOG_LEVEL=silent\` tells what a setting costs
  --markdown      prints the tables as Markdown
  --json          prints all figures as one JSON object`;

/**
 * @returns null for `--help`
 * @throws Error if an option is invalid
 */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      launches: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      crates: { type: 'string', default: '1000000' },
      rows: { type: 'string', default: '1000000' },
      only: { type: 'string', multiple: true },
      against: { type: 'string' },
      postgres: { type: 'boolean', default: false },
      chart: { type: 'string' },
      with: { type: 'string', multiple: true, default: [] },
      markdown: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const rounds = Number(values.rounds);
  const launches = Number(values.launches);
  for (const [name, value] of Object.entries({ rounds, launches })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`--${name} must be an integer of at least 1.`);
    }
  }
  const seconds = Number(values.seconds);
  if (!(seconds >= 0.5 && seconds <= 600)) {
    throw new Error('--seconds must be a number from 0.5 to 600.');
  }
  const crates = readCount('crates', values.crates, 1000);
  const rows = readCount('rows', values.rows, 100_000);
  const { against, only = against === undefined ? ALL : [ROUTES] } = values;
  const selection = selectBenchmarks(only);
  if (against !== undefined && !selectsRoutesOnly(selection)) {
    throw new Error('--against compares routes. Use --only with names of routes.');
  }
  if (against !== undefined && values.postgres) {
    throw new Error('--postgres compares with the baseline, and not with another build.');
  }
  if (values.postgres) selection.scenarios = selection.scenarios.map(onPostgres);
  return {
    ...{ launches, rounds, seconds, crates, rows, against, ...selection },
    chart: values.chart,
    engine: values.postgres ? 'postgres' : 'sqlite',
    settings: readSettings(values.with),
    format: values.json ? 'json' : values.markdown ? 'markdown' : 'text',
  };
}

function readCount(name: string, value: string, min: number): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= min) return count;
  throw new Error(`--${name} must be an integer of at least ${min}.`);
}

function readSettings(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [, name, value] = /^(\w+)=(.*)$/s.exec(assignment) ?? [];
      if (!name) throw new Error(`--with ${assignment}: expected NAME=value.`);
      return [name, value!];
    }),
  );
}

type Selection = Pick<
  Options,
  | 'scenarios'
  | 'tokenChecks'
  | 'listQueries'
  | 'loginTimes'
  | 'stalls'
  | 'floods'
  | 'purge'
  | 'workers'
  | 'growth'
>;

function selectBenchmarks(wanted: readonly string[]): Selection {
  const all = [...scenarios, ...tokenChecks, ...listQueries];
  const known = [...ALL, ...all.map(({ name }) => name)];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown} is unknown. Valid names: ${known.join(', ')}.`);
  }
  const selectFrom = <T extends { name: string }>(kind: string, all: readonly T[]): T[] =>
    all.filter(({ name }) => wanted.includes(kind) || wanted.includes(name));
  return {
    scenarios: selectFrom(ROUTES, scenarios),
    tokenChecks: selectFrom(CHECKS, tokenChecks),
    listQueries: selectFrom(LISTS, listQueries),
    loginTimes: wanted.includes(LOGIN_TIMES),
    stalls: wanted.includes(STALLS),
    floods: wanted.includes(FLOODS),
    purge: wanted.includes(PURGE),
    workers: wanted.includes(WORKERS),
    growth: wanted.includes(GROWTH),
  };
}

function selectsRoutesOnly({ scenarios: _, ...others }: Selection): boolean {
  return Object.values(others).every((other) => other === false || (other as []).length === 0);
}

function namesOf(all: readonly { name: string }[]): string {
  return all.map(({ name }) => name).join(', ');
}
