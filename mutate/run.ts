/** Mutates the source, and runs the specs that belong to it. `usage` describes the options. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chosen, fileOf } from './chosen.js';
import { type Explained, readExplained, staleAmong } from './explained.js';
import { mutantsOf } from './generate.js';
import { applied, keyOf, type Mutant } from './mutant.js';
import { targets } from './targets.js';
import { TypeCheck } from './type-check.js';
import { type Outcome, Worker } from './worker-process.js';

const usage = `npm run mutate -- [options] [files, such as src/a.ts, or src/a.ts:12 for one line]
  --seed <n>     runs a sample of the mutants; the same seed and source give the same sample
  --per-file <n> number of mutants of each file in a sample (4)
  --workers <n>  number of processes that run specs (2)
  --list         lists the mutants without running them`;

/** A mutant may take this many times as long as its specs take without a mutant. */
const TIMEOUT_FACTOR = 3;
/** Milliseconds that a mutant may take in addition to that. */
const TIMEOUT_EXTRA = 10_000;

type Count = 'killed' | 'timeout' | 'survived' | 'explained' | 'refused by the compiler';

interface FileReport {
  file: string;
  mutants: number;
  counts: Record<Count, number>;
  milliseconds: number;
}

class Run {
  readonly reports: FileReport[] = [];
  readonly problems: string[] = [];
  private readonly check: TypeCheck;
  private readonly explained: readonly Explained[];
  private readonly reasons: ReadonlySet<string>;

  constructor(
    private readonly root: string,
    private readonly isSample: boolean,
    mutants: readonly Mutant[],
  ) {
    this.check = new TypeCheck(root);
    this.explained = readExplained(root);
    this.reasons = new Set(this.explained.map(keyOf));
    for (const entry of staleAmong(this.explained, mutants)) {
      this.problems.push(
        `explained.json: ${entry.file} has no such mutant: ${entry.from} -> ${entry.to}`,
      );
    }
  }

  /** Runs the mutants of file after file until no file is left. */
  async work(worker: Worker, files: Map<string, Mutant[]>): Promise<void> {
    for (const [file, mutants] of files) {
      files.delete(file);
      await this.mutate(worker, file, mutants);
    }
  }

  private async mutate(worker: Worker, file: string, mutants: readonly Mutant[]): Promise<void> {
    const start = Date.now();
    const source = readFileSync(join(this.root, file), 'utf8');
    const specs = targets[file]!;
    const unmutated = await worker.run({ files: { [file]: source }, specs }, 300_000);
    if (unmutated.kind !== 'passed') {
      const test = unmutated.kind === 'failed' ? unmutated.test : 'timeout';
      this.problems.push(`${file}: its specs fail without a mutant: ${test}`);
      return;
    }
    const timeout = TIMEOUT_FACTOR * (Date.now() - start) + TIMEOUT_EXTRA;
    const report: FileReport = {
      file,
      mutants: 0,
      counts: { killed: 0, timeout: 0, survived: 0, explained: 0, 'refused by the compiler': 0 },
      milliseconds: 0,
    };
    this.reports.push(report);
    for (const mutant of mutants) {
      const text = applied(mutant, source);
      const count = await this.try(mutant, text, () =>
        worker.run({ files: { [file]: text }, specs }, timeout),
      );
      report.mutants++;
      report.counts[count]++;
      report.milliseconds = Date.now() - start;
    }
    worker.restore(file, source);
    console.log(formatReport(report));
  }

  private async try(mutant: Mutant, text: string, run: () => Promise<Outcome>): Promise<Count> {
    const isExplained = this.reasons.has(keyOf(mutant));
    // A sample does not spend time on mutants that no test notices.
    if (isExplained && this.isSample) return 'explained';
    if (!this.check.compiles(mutant.file, text)) return 'refused by the compiler';
    const outcome = await run();
    if (outcome.kind === 'passed') {
      if (isExplained) return 'explained';
      console.log(`SURVIVED ${describe(mutant)}`);
      this.problems.push(describe(mutant));
      return 'survived';
    }
    if (isExplained) {
      const test = outcome.kind === 'failed' ? outcome.test : 'a timeout';
      this.problems.push(`explained.json: ${test} notices ${describe(mutant)}`);
    }
    if (outcome.kind === 'timeout') console.log(`TIMEOUT ${describe(mutant)}`);
    return outcome.kind === 'timeout' ? 'timeout' : 'killed';
  }
}

function describe({ file, line, within, operator, from, to }: Mutant): string {
  return `${file}:${line} ${within} (${operator})\n    - ${from}\n    + ${to}`;
}

function formatReport({ file, mutants, counts, milliseconds }: FileReport): string {
  const positive = Object.entries(counts).filter(([, count]) => count > 0);
  const details = positive.map(([name, count]) => `${count} ${name}`).join(', ');
  return `${file}: ${mutants} mutants (${details || 'none'}) in ${Math.round(milliseconds / 1000)} s`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      'per-file': { type: 'string', default: '4' },
      workers: { type: 'string', default: '2' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const perFile = Number(values['per-file']);
  const sample = values.seed === undefined ? null : { seed: Number(values.seed), perFile };
  const workers = Number(values.workers);
  const unknown = positionals.filter((place) => !(fileOf(place) in targets));
  const isInvalid = !(perFile >= 1 && workers >= 1 && Number.isInteger(sample?.seed ?? 0));
  if (values.help || isInvalid || unknown.length > 0) {
    console.log(
      [...unknown.map((place) => `${place} is not in mutate/targets.ts.`), usage].join('\n'),
    );
    return values.help ? 0 : 2;
  }
  const root = process.cwd();
  const start = Date.now();
  const all = Object.keys(targets).flatMap((file) =>
    mutantsOf(file, readFileSync(join(root, file), 'utf8')),
  );
  const files = chosen(all, positionals, sample);
  if (values.list) {
    for (const mutants of files.values()) mutants.forEach((each) => console.log(describe(each)));
    return 0;
  }
  const run = new Run(root, sample !== null, all);
  const pool = Array.from({ length: workers }, (_, i) => new Worker(root, i + 1));
  process.once('exit', () => pool.forEach((worker) => worker.close()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(130));
  await Promise.all(pool.map((worker) => run.work(worker, files)));
  pool.forEach((worker) => worker.close());
  return summarize(run, Date.now() - start);
}

function summarize({ reports, problems }: Run, milliseconds: number): number {
  const total: FileReport = {
    file: 'Total',
    mutants: 0,
    counts: { killed: 0, timeout: 0, survived: 0, explained: 0, 'refused by the compiler': 0 },
    milliseconds,
  };
  for (const { mutants, counts } of reports) {
    total.mutants += mutants;
    for (const name of Object.keys(counts) as Count[]) total.counts[name] += counts[name];
  }
  console.log(`\n${formatReport(total)}`);
  if (problems.length > 0) console.error(`\n${problems.length} problems:\n${problems.join('\n')}`);
  return problems.length > 0 || total.mutants === 0 ? 1 : 0;
}

process.exitCode = await main();
