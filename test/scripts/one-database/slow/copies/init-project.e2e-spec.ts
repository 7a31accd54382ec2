import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../../support/children.js';
import { ServiceProcess } from '../../../../support/process.js';
import { commitAll, copyRepository } from '../../../../support/repository-copy.js';

// The tests of a copy take some minutes, and longer on a busy machine.
jest.setTimeout(2_400_000);

/** Tests may use any word. Decisions and measurements tell of the past. */
const RECORDS = ['test', 'docs/decisions', 'docs/benchmarks.md'];
const COMMAND = 'scripts/init-project/init-project.js';

const isFull = process.env.TEST_FULL === 'true';

describe('npm run init-project', () => {
  let folder: string;

  beforeEach(async () => {
    folder = copyRepository();
    await commitAll(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const inFolder = () => ({ cwd: folder, env: process.env });
  const run = (...command: string[]) => runChild(process.execPath, command, inFolder());
  const tool = (path: string, ...words: string[]) => run(`node_modules/${path}`, ...words);
  const jestRun = (...words: string[]) =>
    run(
      ...['--experimental-vm-modules', '--no-warnings'],
      'node_modules/jest/bin/jest.js',
      ...words,
    );
  const git = (...words: string[]) => runChild('git', words, inFolder());
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  const manifest = () =>
    JSON.parse(read('package.json')) as Record<'name' | 'version', string> & {
      scripts: Record<string, string>;
    };
  /** The lines of files that Git knows and that match a pattern, without those of some folders. */
  const lines = async (pattern: string, ...excluded: string[]) => {
    const paths = excluded.map((path) => `:!${path}`);
    return (await git('grep', '-niE', pattern, '--', '.', ...paths)).stdout;
  };

  const expectTypes = async () => {
    const types = await tool('typescript/bin/tsc', '--noEmit');
    expect([types.status, types.output]).toEqual([0, '']);
  };

  const expectFormatAndLint = async () => {
    const format = await tool('prettier/bin/prettier.cjs', '--check', '.');
    expect(format.output).toContain('All matched files use Prettier code style!');
    const lint = await tool('eslint/bin/eslint.js', '.');
    expect([lint.status, lint.output]).toEqual([0, '']);
  };

  const expectPassed = ({ status, output }: { status: unknown; output: string }) => {
    // Jest prints what a test has written to the console below the same sign.
    const failures = output.match(/^.*(?:● (?!Console)|FAIL).*$/gm) ?? [];
    expect([status, failures]).toEqual([0, []]);
    expect(output).toMatch(/^Tests: +\d+ passed/m);
  };

  /** Starts the build, and returns what it said after a registration and a login. */
  const startAndLogIn = async (env: Record<string, string> = {}): Promise<string> => {
    const database = `sqlite:${join(folder, '.cache', 'app.sqlite')}`;
    const service = ServiceProcess.npm(['run', 'start:prod'], folder, {
      ...{ PATH: process.env.PATH, DATABASE_URL: database },
      ...env,
    });
    const client = await service.client();
    const { access } = await client.newLogin();
    expect((await client.get('/auth/me', { token: access })).status).toBe(200);
    await service.kill('SIGTERM');
    return service.output;
  };

  it('refuses uncommitted changes, a folder without Git, and a project that was started', async () => {
    const refusal = async () => {
      const { status, stdout, stderr } = await run(COMMAND, 'my-backend', '--keep', 'none');
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).not.toMatch(/\n {4}at /);
      return stderr;
    };
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    expect(await refusal()).toContain('There are uncommitted changes.');
    rmSync(join(folder, '.git'), { recursive: true });
    expect(await refusal()).toContain('This is not a git repository.');
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ ...manifest(), name: 'mine' }, null, 2),
    );
    expect(await refusal()).toContain('This is the project mine already.');
    expect(existsSync(join(folder, 'src/ships'))).toBe(true);
  });

  it('keeps nothing, and leaves a project whose tests pass on all databases', async () => {
    const words = ['my-backend', '--description', 'The backend of mine', '--keep', 'none'];
    const { status, stdout, stderr } = await run(COMMAND, ...words);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Removed: ships, books, bookstore, demo, this command.');
    await commitAll(folder);
    expect(manifest()).toMatchObject({ name: 'my-backend', version: '0.1.0' });
    expect(JSON.parse(read('package-lock.json'))).toMatchObject({
      name: 'my-backend',
      packages: {
        'node_modules/my-backend-client': { resolved: 'packages/client', link: true },
        'packages/client': { name: 'my-backend-client', version: '0.1.0' },
      },
    });
    const client = JSON.parse(read('packages/client/package.json')) as object;
    expect(client).toMatchObject({ name: 'my-backend-client', version: '0.1.0' });
    expect(read('packages/client/README.md')).toContain("from 'my-backend-client'");
    expect(await lines('nest-rest-jwt-client')).toBe('');
    expect(read('README.md')).toMatch(/^# my-backend\n\nThe backend of mine\n/);
    expect(read('CHANGELOG.md')).toContain('Started from nest-rest-jwt');
    // The upgrade runs this command in releases of the template.
    expect(await lines('init-project', 'scripts/upgrade')).toBe('');
    expect(await lines('\\b(ships?|bookstore)\\b|BOOKSTORE', ...RECORDS)).toBe('');
    expect(await lines('\\bbooks?\\b|DEMO_DATA', ...RECORDS)).toBe('');
    await expectTypes();
    await expectFormatAndLint();
    const output = await startAndLogIn();
    expect(output).toContain('my-backend 0.1.0 on Node');
    expect(output).not.toContain('Demo logins');
    // The whole suite takes minutes, and runs only with `.ci/run --full`.
    const some = [
      '--',
      '--selectProjects',
      'unit',
      'postgres',
      '--testPathPatterns',
      'access|auth',
    ];
    expectPassed(await runChild('npm', ['test', ...(isFull ? [] : some)], inFolder()));
  });

  it('keeps ships and demo data, as chosen in a terminal', async () => {
    // Bookstore is not offered without books.
    const answers = ['3', 'y', 'n', 'y'];
    const { status, stdout } = await runChild(
      process.env.PYTHON_PATH ?? '/usr/bin/python3',
      ['test/support/terminal.py', ...answers, process.execPath, COMMAND, 'my-backend'],
      inFolder(),
    );
    expect(stdout).toContain('Kept: ships, demo.');
    expect(status).toBe(0);
    await commitAll(folder);
    expect(await lines('\\bbooks?\\b|bookstore', ...RECORDS)).toBe('');
    await expectTypes();
    if (isFull) await expectFormatAndLint();
    expect(await startAndLogIn()).toContain('Demo logins: user/password, guest/guest');
    await tool('typescript/bin/tsc', ...['-p', 'tsconfig.build.json', '--outDir', '.cache/build']);
    await run('test/support/bundle.js');
    expectPassed(
      await (isFull ? jestRun() : jestRun('ships', 'demo', 'docs', 'home', 'routes', 'openapi')),
    );
  });
});
