import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startChild } from '../../../support/children.js';
import { SECRET } from '../../../support/test-app.js';
import { freePort } from '../../../support/tcp-proxy.js';
import { createDatabase, type TestDatabase } from '../../../support/test-database.js';

const script = join(process.cwd(), '.cache', 'build', 'src', 'main.js');

// A start takes long on a busy machine.
jest.setTimeout(60_000);

describe('A log that cannot be written', () => {
  let database: TestDatabase;
  let origin: string;
  let child: ReturnType<typeof startChild>;
  let exit: Promise<unknown>;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await exit;
    await database.drop();
  });

  /** Starts the service with its stdout and stderr in a file. */
  const start = async (file: string): Promise<void> => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    child = startChild(
      'sh',
      ['-c', 'exec "$0" "$1" >> "$2" 2>&1', process.execPath, script, file],
      {
        env: {
          ...{ PATH: process.env.PATH, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'debug' },
          REQUEST_LOG_LEVEL: 'fatal',
          ...{ JWT_SECRET_KEY: SECRET, AUTH_RATE_LIMIT: '0', SHUTDOWN_DELAY: '0s' },
          ...database.settings,
        },
        stdio: 'ignore',
      },
    );
    exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  };
  const untilReady = async (): Promise<void> => {
    while (
      !(await fetch(`${origin}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error(`The service ended with ${child.exitCode}.`);
      await sleep(20);
    }
  };
  /** Sends requests that are refused. Each logs a line of about 250 bytes. */
  const refuse = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const headers = { authorization: 'Bearer x', 'x-request-id': `${'r'.repeat(120)}-${i}` };
      const answer = await fetch(`${origin}/auth/me`, { headers });
      expect(answer.status).toBe(401);
      await answer.arrayBuffer();
    }
  };
  const stop = (): Promise<unknown> => {
    child.kill('SIGTERM');
    return exit;
  };

  it('keeps serving while no process reads the log, and continues the log when one does', async () => {
    const file = join(database.folder, 'log');
    execFileSync('mkfifo', [file]);
    let reader = openReader(file);
    await start(file);
    await untilReady();
    readAll(reader);
    // The lines are more than the pipe holds, and no process reads them yet.
    await refuse(260);
    let log = '';
    for (let i = 0; i < 500 && !log.includes('r-259,'); i++) {
      log += readAll(reader);
      await sleep(10);
    }
    expect(log.length).toBeGreaterThan(64 * 1024);
    const ids = [...log.matchAll(/request r+-(\d+),/g)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: 260 }, (_, i) => i));

    closeSync(reader);
    await refuse(3);
    reader = openReader(file);
    await refuse(1);
    const report = readAll(reader).split('\n');
    expect(report[0]).toMatch(/WARN.+Lines that could not be written: 3 \(EPIPE\)$/);
    expect(report[1]).toContain('request r');
    expect(report).toHaveLength(3);
    closeSync(reader);
    expect(await stop()).toBe(0);
  });

  it('keeps serving if the disk for the log is full from the start', async () => {
    await start('/dev/full');
    await untilReady();
    await refuse(3);
    expect(await stop()).toBe(0);
  });
});

function openReader(file: string): number {
  return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Everything that the pipe currently holds. */
function readAll(reader: number): string {
  const buffer = Buffer.alloc(64 * 1024);
  let text = '';
  try {
    for (let size = -1; size !== 0; text += buffer.toString('utf8', 0, size)) {
      size = readSync(reader, buffer);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return text;
}
