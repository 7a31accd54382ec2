import { parseArgs } from 'node:util';
import { listQueries, type ListQuery } from './list-queries.js';
import { type Scenario, scenarios } from './scenarios.js';
import { type TokenCheck, tokenChecks } from './token-checks.js';

export interface Options {
  /** Measured rounds of each route and side. */
  rounds: number;
  /** How long a round takes. */
  seconds: number;
  scenarios: readonly Scenario[];
  tokenChecks: readonly TokenCheck[];
  listQueries: readonly ListQuery[];
  /** How many ships are listed. */
  ships: number;
  /** Whether known users can be told from unknown ones by the time of a login. */
  loginTimes: boolean;
  /** Whether hostile requests hold up others. */
  stalls: boolean;
  /** Whether floods of hashes hold up a login from elsewhere. */
  floods: boolean;
  /** Whether the removal of expired rows holds up requests, and the shutdown. */
  purge: boolean;
  markdown: boolean;
}

/** What `--only` calls all of a kind. */
const ROUTES = 'routes';
const CHECKS = 'checks';
const LISTS = 'lists';
const LOGIN_TIMES = 'login-times';
const STALLS = 'stalls';
const FLOODS = 'floods';
const PURGE = 'purge';

export const usage = `npm run bench -- [options]
  --rounds <n>    measured rounds of each route or token check and side (5)
  --seconds <n>   how long a round of a route takes (2); one of a token check or a list takes a
                  quarter of it
  --ships <n>     how many ships are listed (1000000)
  --only <name>   just this one, may be repeated:
                  ${ROUTES}, or one of them: ${namesOf(scenarios)}
                  ${CHECKS}, or one of them: ${namesOf(tokenChecks)}
                  ${LISTS}, or one of them: ${namesOf(listQueries)}
                  ${LOGIN_TIMES}: of existing users, against unknown names
                  ${STALLS}: how long hostile requests hold up others
                  ${FLOODS}: how long floods of hashes hold up a login from elsewhere
                  ${PURGE}: how long the removal of expired rows holds up others
  --markdown      the tables as markdown`;

/**
 * @returns null where only the usage is asked for
 * @throws Error with a message for an invalid option
 */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      ships: { type: 'string', default: '1000000' },
      only: {
        type: 'string',
        multiple: true,
        default: [ROUTES, CHECKS, LISTS, LOGIN_TIMES, STALLS, FLOODS, PURGE],
      },
      markdown: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error('--rounds takes a whole number of at least 1.');
  }
  const seconds = Number(values.seconds);
  if (!(seconds >= 0.5 && seconds <= 600)) {
    throw new Error('--seconds takes a number from 0.5 to 600.');
  }
  const ships = Number(values.ships);
  if (!Number.isInteger(ships) || ships < 1000) {
    throw new Error('--ships takes a whole number of at least 1000.');
  }
  return { rounds, seconds, ships, ...choose(values.only), markdown: values.markdown };
}

type Chosen = Pick<
  Options,
  'scenarios' | 'tokenChecks' | 'listQueries' | 'loginTimes' | 'stalls' | 'floods' | 'purge'
>;

function choose(wanted: readonly string[]): Chosen {
  const all = [...scenarios, ...tokenChecks, ...listQueries];
  const known = [
    ROUTES,
    CHECKS,
    LISTS,
    LOGIN_TIMES,
    STALLS,
    FLOODS,
    PURGE,
    ...all.map(({ name }) => name),
  ];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${known.join(', ')}.`);
  const chosen = <T extends { name: string }>(kind: string, all: readonly T[]): T[] =>
    all.filter(({ name }) => wanted.includes(kind) || wanted.includes(name));
  return {
    scenarios: chosen(ROUTES, scenarios),
    tokenChecks: chosen(CHECKS, tokenChecks),
    listQueries: chosen(LISTS, listQueries),
    loginTimes: wanted.includes(LOGIN_TIMES),
    stalls: wanted.includes(STALLS),
    floods: wanted.includes(FLOODS),
    purge: wanted.includes(PURGE),
  };
}

function namesOf(all: readonly { name: string }[]): string {
  return all.map(({ name }) => name).join(', ');
}
