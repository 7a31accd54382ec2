import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { endChildren, runChild, startChild } from '../../../support/children.js';
import { Client } from '../../../support/client.js';
import { describeUnless } from '../../../support/programs.js';
import { freePort } from '../../../support/tcp-proxy.js';
import { ImageFolder } from '../../image-folder.js';
import { lastStep } from '../../image-stages.js';

declare const TEST_POSTGRES_URL: string;

// Two installations of all packages.
jest.setTimeout(600_000);

/** Runs a statement on the server. */
async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: TEST_POSTGRES_URL });
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}

const noServer = await onServer('SELECT 1').then(
  () => undefined,
  () => 'PostgreSQL does not answer',
);

describe('The steps of the Dockerfile', () => {
  let image: ImageFolder;
  let service: ChildProcess | undefined;
  let output = '';
  let port: number;

  beforeAll(async () => {
    image = new ImageFolder();
    await image.build();
    const cwd = image.workingDirectory(image.runtime);
    await runChild('chmod', ['-R', 'a-w', cwd]);
    port = await freePort();
  });
  afterEach(() => void service?.kill('SIGKILL'));
  afterAll(async () => {
    endChildren();
    await runChild('chmod', ['-R', 'u+w', image.folder]);
    rmSync(image.folder, { recursive: true, force: true });
  });

  const env = (more: Record<string, string> = {}) => ({
    ...image.environment,
    ...{ JWT_SECRET_KEY: randomBytes(48).toString('base64'), PORT: String(port) },
    ...{ SHUTDOWN_DELAY: '0s', ...more },
  });
  /** Runs a command in the image, as its user. */
  const start = ([command = '', ...words]: string[], more?: Record<string, string>) => {
    const cwd = image.workingDirectory(image.runtime);
    const child = startChild(command, words, {
      ...{ cwd, env: env(more), stdio: ['ignore', 'pipe', 'pipe'] },
      ...image.user,
    });
    output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    return child;
  };
  const run = async (words: string[], more?: Record<string, string>) => {
    const [code] = (await once(start(words, more), 'close')) as [number | null];
    return code;
  };
  const startService = async (more?: Record<string, string>) => {
    service = start(lastStep(image.runtime, 'CMD')!.words, more);
    while (!output.includes('The API is at')) {
      if (service.exitCode !== null) throw new Error(`The service ended:\n${output}`);
      await Promise.race([once(service.stdout!, 'data'), once(service, 'exit')]);
    }
    return new Client(`http://127.0.0.1:${port}`);
  };
  const checkHealth = async () => run(lastStep(image.runtime, 'HEALTHCHECK')!.words);
  const expectToWork = async (client: Client) => {
    const { access: token } = await client.newLogin();
    expect((await client.get('/auth/me', { token })).status).toBe(200);
    expect(await checkHealth()).toBe(0);
    service!.kill('SIGTERM');
    expect(await once(service!, 'exit')).toEqual([0, null]);
    expect(await checkHealth()).toBe(1);
  };

  it('makes a folder in which the user of the image can write nothing but data', async () => {
    expect(await run(['touch', 'file'])).not.toBe(0);
    expect(await run(['touch', join('dist', 'src', 'main.js')])).not.toBe(0);
    expect(await run(['touch', join('..', 'data', 'file')])).toBe(0);
    expect(await run(['rm', join('..', 'data', 'file')])).toBe(0);
  });

  it('installs no development dependencies in the runtime stage', async () => {
    const words = ['node', '-e', 'require.resolve("jest")'];
    expect(await run(words)).toBe(1);
    expect(output).toContain('MODULE_NOT_FOUND');
  });

  it('has less than 150 MB of packages', async () => {
    const cwd = image.workingDirectory(image.runtime);
    const { output: sizes } = await runChild('du', ['-sm', join(cwd, 'node_modules')]);
    expect(parseInt(sizes, 10)).toBeGreaterThan(10);
    expect(parseInt(sizes, 10)).toBeLessThan(150);
  });

  it('starts with SQLite once the database was created, and passes its health check', async () => {
    expect(await run(lastStep(image.runtime, 'CMD')!.words)).toBe(1);
    expect(output).toContain('create-database');
    expect(await run(['node', 'dist/scripts/admin.js', 'create-database'])).toBe(0);
    await expectToWork(await startService());
  });

  describeUnless(noServer, 'on PostgreSQL', () => {
    const name = `image_${randomBytes(6).toString('hex')}`;
    beforeAll(() => onServer(`CREATE DATABASE ${name}`));
    afterAll(() => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));

    it('starts, and passes its health check', async () => {
      const url = new URL(TEST_POSTGRES_URL);
      url.pathname = `/${name}`;
      await expectToWork(await startService({ DATABASE_URL: url.href }));
    });
  });
});
