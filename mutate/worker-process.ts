import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, JobResult } from './worker.js';

const SCRIPT = fileURLToPath(new URL('./worker.js', import.meta.url));
/** Folders that the specs do not need, or that the copy gets in another way. */
const NOT_COPIED = new Set(['.git', '.cache', 'dist', 'node_modules', 'coverage']);
/** Jobs before a process is replaced, because the resources that failed tests leave open add up. */
const JOBS_PER_PROCESS = 25;

export type Outcome = { kind: 'passed' | 'timeout' } | { kind: 'failed'; test: string };

/** Runs specs in a child process, on its own copy of the source, which holds the mutant. */
export class Worker {
  private readonly tree: string;
  private child: ChildProcess | null = null;
  private jobs = 0;

  /** @param root of the repository; the copy is inside it, so that imports find `node_modules` */
  constructor(root: string, number: number) {
    this.tree = join(root, '.cache', 'mutate', `tree-${number}`);
    rmSync(this.tree, { recursive: true, force: true });
    mkdirSync(join(this.tree, '.cache'), { recursive: true });
    for (const name of readdirSync(root)) {
      if (!NOT_COPIED.has(name))
        cpSync(join(root, name), join(this.tree, name), { recursive: true });
    }
    // Specs that start the service as a process use the build, which has no mutant.
    symlinkSync(join(root, '.cache', 'build'), join(this.tree, '.cache', 'build'));
  }

  /**
   * @param timeout in milliseconds
   * @returns the result of the specs; a process that ends twice without one counts as a failure
   */
  async run(job: Job, timeout: number): Promise<Outcome> {
    return (
      (await this.attempt(job, timeout)) ??
      (await this.attempt(job, timeout)) ?? { kind: 'failed', test: 'the process ended' }
    );
  }

  /** Writes the original source of a file back. */
  restore(file: string, source: string): void {
    writeFileSync(join(this.tree, file), source);
  }

  close(): void {
    this.stop();
    rmSync(this.tree, { recursive: true, force: true });
  }

  private async attempt(job: Job, timeout: number): Promise<Outcome | null> {
    if (this.jobs++ >= JOBS_PER_PROCESS) this.stop();
    const child = (this.child ??= this.start());
    return new Promise((resolve) => {
      const finish = (outcome: Outcome | null, keepProcess: boolean): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (!keepProcess) this.stop();
        resolve(outcome);
      };
      const timer = setTimeout(() => finish({ kind: 'timeout' }, false), timeout);
      child.once('message', (message) => {
        const { failure } = message as JobResult;
        finish(failure === null ? { kind: 'passed' } : { kind: 'failed', test: failure }, true);
      });
      child.once('exit', () => finish(null, false));
      child.once('error', () => finish(null, false));
      child.send(job);
    });
  }

  private start(): ChildProcess {
    this.jobs = 1;
    return fork(SCRIPT, {
      // A separate process group, so that `stop` also kills the services that specs start.
      detached: true,
      cwd: this.tree,
      env: { ...process.env, TEST_GROUPS: 'false' },
      execArgv: ['--experimental-vm-modules', '--no-warnings'],
      stdio: ['ignore', 'ignore', process.env.MUTATE_DEBUG ? 'inherit' : 'ignore', 'ipc'],
    });
  }

  private stop(): void {
    const { child } = this;
    this.child = null;
    child?.removeAllListeners();
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The process has already ended.
    }
  }
}
