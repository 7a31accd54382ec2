import { parseArgs } from 'node:util';
import { type Scenario, scenarios } from './scenarios.js';

export interface Options {
  /** Measured rounds of each route and side. */
  rounds: number;
  /** How long a round takes. */
  seconds: number;
  scenarios: readonly Scenario[];
  markdown: boolean;
}

const names = scenarios.map(({ name }) => name).join(', ');

export const usage = `npm run bench -- [options]
  --rounds <n>    measured rounds of each route and side (5)
  --seconds <n>   how long a round takes (2)
  --only <name>   just this route, may be repeated: ${names}
  --markdown      the table as markdown`;

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
      only: { type: 'string', multiple: true },
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
  return { rounds, seconds, scenarios: choose(values.only), markdown: values.markdown };
}

function choose(wanted: readonly string[] | undefined): readonly Scenario[] {
  if (!wanted) return scenarios;
  const unknown = wanted.find((name) => !scenarios.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${names}.`);
  return scenarios.filter(({ name }) => wanted.includes(name));
}
