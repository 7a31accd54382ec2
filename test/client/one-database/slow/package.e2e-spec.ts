import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../support/children.js';
import { bootApp, type TestApp } from '../../../support/test-app.js';

// npm takes some seconds, and more on a busy machine.
jest.setTimeout(300_000);

const { name } = JSON.parse(readFileSync('packages/client/package.json', 'utf8')) as {
  name: string;
};
const EXAMPLE_URL = 'https://api.example.com';

/** Runs before the examples, because Node has no `localStorage`. */
const PRELUDE = `globalThis.localStorage = { getItem: () => null, setItem() {}, removeItem() {} };`;

describe('The packed client, installed in an empty project', () => {
  let app: TestApp;
  let folder: string;

  beforeAll(async () => {
    app = await bootApp();
    folder = mkdtempSync(join(tmpdir(), 'client-'));
    mkdirSync(join(folder, 'packed'));
    const packed = [
      ...(await pack('--workspace', 'packages/client')),
      // The dependencies come from here, too, because a test must not need the registry.
      ...(await pack('--ignore-scripts', './node_modules/openapi-fetch')),
      ...(await pack('--ignore-scripts', './node_modules/openapi-typescript-helpers')),
    ];
    write('package.json', JSON.stringify({ name: 'project', private: true, type: 'module' }));
    await run('npm', 'install', '--offline', '--no-audit', '--no-fund', ...packed);
    write('prelude.js', PRELUDE);
  });
  afterAll(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  const run = async (command: string, ...words: string[]) => {
    const { status, output, stdout } = await runChild(command, words, {
      cwd: folder,
      env: process.env,
    });
    if (status !== 0) throw new Error(`${command} ${words.join(' ')} failed:\n${output}`);
    return stdout;
  };
  /** @returns the path of the file, in a list */
  const pack = async (...words: string[]) => {
    const to = ['--json', '--pack-destination', join(folder, 'packed')];
    const { status, stdout, output } = await runChild('npm', ['pack', ...words, ...to]);
    if (status !== 0) throw new Error(`npm pack failed:\n${output}`);
    const [, file = ''] = /"filename": "([^"]+)"/.exec(stdout) ?? [];
    return [`./packed/${file.replace('@', '').replace('/', '-')}`];
  };
  /** Compiles a file as a project with strict settings does. Returns the errors. */
  const compile = async (file: string, code: string) => {
    write(file, code);
    const compilerOptions = {
      ...{ strict: true, module: 'nodenext', target: 'es2022', types: [] },
      lib: ['es2022', 'dom', 'dom.asynciterable'],
    };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
    const compiler = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const words = [compiler, '--project', folder];
    return (await runChild(process.execPath, words, { cwd: folder, env: process.env })).output;
  };

  it('runs every example of its README', async () => {
    const readme = readFileSync(join(folder, 'node_modules', name, 'README.md'), 'utf8');
    const examples = [...readme.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code!);
    expect(examples.length).toBeGreaterThan(5);
    const code = examples.join('\n');
    expect([code.includes(`from '${name}'`), code.includes(EXAMPLE_URL)]).toEqual([true, true]);
    expect(await compile('examples.ts', code.replace(EXAMPLE_URL, app.url))).toBe('');
    const output = await run(process.execPath, '--import', './prelude.js', 'examples.js');
    expect(output.split('\n')).toEqual(['user', 'guest', 'leia', 'user', '']);
  });

  it('does not compile with calls that the API does not have', async () => {
    const start = `import { createClient } from '${name}';\nconst client = createClient({ baseUrl: '' });`;
    const wrong = [
      // An unknown path, an unknown method, a body without a field, and a path that is no list.
      `await client.GET('/api/nothing');`,
      `await client.DELETE('/auth/me');`,
      `await client.POST('/auth/login', { body: { username: 'a' } });`,
      `client.pages('/auth/me');`,
      // A code that the operation does not document, and an unknown member of an element.
      `if ((await client.GET('/auth/me')).error?.code === 'name_taken') throw 0;`,
      `for await (const each of client.pages('/api/users')) each.nothing;`,
    ];
    const errors = await compile('wrong.ts', `${start}\n${wrong.join('\n')}\n`);
    const lines = [...errors.matchAll(/^wrong\.ts\((\d+),/gm)].map(([, line]) => Number(line) - 3);
    expect([...new Set(lines)]).toEqual(wrong.map((_, i) => i));
  });

  it('contains no sources and no tests', async () => {
    const files = await run(
      'tar',
      '--list',
      '--file',
      ...(await pack('--workspace', 'packages/client')),
    );
    const folders = files.split('\n').map((path) => path.split('/')[1]);
    expect([...new Set(folders)].filter(Boolean).sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
    ]);
  });
});
