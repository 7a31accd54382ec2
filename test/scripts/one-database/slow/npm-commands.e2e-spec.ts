import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../support/children.js';
import { ServiceProcess } from '../../../support/process.js';
import { SECRET } from '../../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../../support/test-database.js';

// npm itself takes a second to start, and more on a busy machine.
jest.setTimeout(60_000);

describe('npm, without development dependencies', () => {
  let folder: string;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
    // The compiled files load their packages from the repository. This folder has no Nest CLI.
    folder = mkdtempSync(join(tmpdir(), 'npm-commands-'));
    cpSync('package.json', join(folder, 'package.json'));
    cpSync('scripts', join(folder, 'scripts'), { recursive: true });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await database.drop();
  });

  const env = () => ({ PATH: process.env.PATH, ...database.settings });
  const npm = (...words: string[]) => runChild('npm', words, { cwd: folder, env: env() });
  const build = () => symlinkSync(join(process.cwd(), '.cache', 'build'), join(folder, 'dist'));
  const removeBuild = () => rmSync(join(folder, 'dist'), { force: true });

  it.each([[['start']], [['run', 'start:prod']], [['run', 'admin', 'grant', 'user']]])(
    'says how to build the service if `npm %s` finds no build',
    async (words) => {
      removeBuild();
      const { status, stderr } = await npm(...words);
      expect(stderr).toContain('The service is not built');
      expect(stderr).toContain('npm ci --include=dev && npm run build');
      expect(stderr).not.toMatch(/\n {4}at /);
      expect(status).toBe(1);
    },
  );

  it.each([['start'], ['start:prod']])(
    'serves the build by `npm run %s`, and finishes its requests when npm gets SIGTERM',
    async (script) => {
      removeBuild();
      build();
      const more = { JWT_SECRET_KEY: SECRET };
      const service = ServiceProcess.npm(['run', script], folder, { ...env(), ...more });
      const client = await service.client();
      const registration = client.newUser();
      // The answer to a later request shows that the registration has arrived.
      await client.get('/health/live');
      // Only npm gets the signal. A terminal would send it to the whole group.
      service.child.kill('SIGTERM');
      expect((await registration).id).toBeGreaterThan(0);
      // The pipe stays open until the service ends, even if npm ends before it.
      await once(service.child, 'close');
      expect(service.output).toContain('Received SIGTERM');
    },
  );

  it.each(['start', 'start:prod'])(
    'names the source in the stack traces of npm run %s',
    async (name) => {
      const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
        scripts: Record<string, string>;
      };
      const [, ...flags] = scripts[name]!.replace(/ scripts\/start\.js$/, '').split(' ');
      const code = `import('./.cache/build/src/database/migrations.js').then((m) => m.migrationOf('x', {}))`;
      const { stderr } = await runChild(process.execPath, [...flags, '--eval', code]);
      expect(stderr).toMatch(/at .*src\/database\/migrations\.ts:\d+/);
    },
  );

  it('has no npm script that only one kind of shell can run', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const command of Object.values(scripts)) {
      expect(command).not.toMatch(/\bexec\b|[;$`]|\b[A-Z_]+=/);
    }
  });
});

describe('A command that fails', () => {
  const script = (name: string, words: string[], env: Record<string, string>) =>
    runChild(process.execPath, [join('.cache', 'build', 'scripts', `${name}.js`), ...words], {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    });

  it.each([
    ['admin', ['grant', 'user'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' }, 'ECONNREFUSED'],
    ['migration', ['show'], { DATABASE_URL: 'postgres://localhost:1/none' }, 'ECONNREFUSED'],
    ['migration', ['run'], { DATABASE_URL: 'nowhere' }, 'DATABASE_URL is invalid'],
    ['migration', [], {}, 'Usage: npm run migration:run'],
    ['keys', ['add'], { JWT_KEYS_FILE: '/dev/null/keys.json' }, 'cannot be changed'],
    ['openapi', ['--variants', '/dev/null/folder'], {}, 'ENOTDIR'],
  ])(
    'prints a message instead of a stack when a command fails: %s %j with %j',
    async (name, words, env, message) => {
      const { status, stdout, stderr } = await script(name, words, env);
      expect(stdout).toBe('');
      expect(stderr).toContain(message);
      expect(stderr).not.toMatch(/\n {4}at /);
      expect(status).toBe(name === 'migration' && words.length === 0 ? 2 : 1);
    },
  );
});
