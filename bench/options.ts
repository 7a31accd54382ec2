import { parseArgs } from 'node:util';
import { type Scenario, scenarios } from './scenarios.js';
import { type TokenCheck, tokenChecks } from './token-checks.js';

export interface Options {
  /** Measured rounds of each route and side. */
  rounds: number;
  /** How long a round takes. */
  seconds: number;
  scenarios: readonly Scenario[];
  tokenChecks: readonly TokenCheck[];
  markdown: boolean;
}

/** What `--only` calls all of a kind. */
const ROUTES = 'routes';
const CHECKS = 'checks';

export const usage = `npm run bench -- [options]
  --rounds <n>    measured rounds of each route or token check and side (5)
  --seconds <n>   how long a round of a route takes (2); one of a token check takes a quarter of it
  --only <name>   just this one, may be repeated:
                  ${ROUTES}, or one of them: ${namesOf(scenarios)}
                  ${CHECKS}, or one of them: ${namesOf(tokenChecks)}
  --markdown      the tables as markdown`;

/**
 * @returns null where only the usage is asked for
 * @throws Error with a sentence for an option that will not do
 */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string', multiple: true, default: [ROUTES, CHECKS] },
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
  return { rounds, seconds, ...choose(values.only), markdown: values.markdown };
}

function choose(wanted: readonly string[]): Pick<Options, 'scenarios' | 'tokenChecks'> {
  const known = [ROUTES, CHECKS, ...[...scenarios, ...tokenChecks].map(({ name }) => name)];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${known.join(', ')}.`);
  const chosen = <T extends { name: string }>(kind: string, all: readonly T[]): T[] =>
    all.filter(({ name }) => wanted.includes(kind) || wanted.includes(name));
  return { scenarios: chosen(ROUTES, scenarios), tokenChecks: chosen(CHECKS, tokenChecks) };
}

function namesOf(all: readonly { name: string }[]): string {
  return all.map(({ name }) => name).join(', ');
}
