import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild, startChild } from '../support/children.js';
import { findProgram } from '../support/programs.js';

/** The program: `LITESTREAM_PATH`, or the one in the PATH, or undefined. */
export const litestreamProgram = process.env.LITESTREAM_PATH ?? findProgram('litestream');

/** litestream with the configuration of deploy/, which replicates one database to a folder. */
export class Litestream {
  output = '';
  private readonly configuration: string;
  private child: ChildProcess | undefined;

  /**
   * @param file the database
   * @param folder for the configuration and the replica
   * @param interval of both intervals, instead of a second
   */
  constructor(
    private readonly file: string,
    folder: string,
    interval = '1s',
  ) {
    this.configuration = join(folder, 'litestream.yml');
    const text = readFileSync('deploy/litestream.yml', 'utf8')
      .replace('/var/lib/nest-rest-jwt/app.sqlite', file)
      .replace('/var/backups/nest-rest-jwt', join(folder, 'replica'))
      .replace(/-interval: 1s/g, `-interval: ${interval}`);
    writeFileSync(this.configuration, text);
  }

  /** Starts to replicate, and waits for the first snapshot. */
  async start(): Promise<void> {
    this.output = '';
    const words = ['replicate', '-config', this.configuration];
    this.child = startChild(litestreamProgram!, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
    await new Promise<void>((resolve, reject) => {
      this.child!.stdout!.on('data', () => {
        if (this.output.includes('wal segment written')) resolve();
      });
      this.child!.once('exit', () => reject(new Error(`litestream ended:\n${this.output}`)));
    });
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }

  /** Restores the database to another file. */
  async restore(copy: string): Promise<void> {
    const words = ['restore', '-config', this.configuration, '-o', copy, this.file];
    const { status, output } = await runChild(litestreamProgram!, words);
    if (status !== 0) throw new Error(`litestream restore failed with ${status}:\n${output}`);
  }
}
