import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { csrfFailed } from '../../../src/tokens/token-errors.js';
import { runChild } from '../../support/children.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const read = (page: string): string => readFileSync(page, 'utf8');
/** The code blocks of one language in a chapter of a page. */
const blocks = (page: string, heading: string, language: string): string[] => {
  const start = page.indexOf(`\n## ${heading}\n`);
  const chapter = page.slice(start, page.indexOf('\n## ', start + 1));
  const fences = chapter.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'));
  return [...fences].map(([, text]) => text!);
};

describe('The documents', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  /** Runs a script as if it were pasted into a shell, and returns its output. */
  const paste = async (script: string): Promise<string> => {
    const { status, stdout, stderr } = await runChild('bash', ['-euc', script]);
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    return stdout;
  };

  /** Runs the first shell block of a chapter. */
  const pasteChapter = (page: string, heading: string): Promise<string> =>
    paste(blocks(read(page), heading, 'sh')[0]!.replace('http://localhost:3000', app.url));

  it('keeps README.md to at most 160 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(160);
  });

  it('shows first requests in README.md that work when they are pasted', async () => {
    const stdout = await pasteChapter('README.md', 'First requests');
    expect(stdout).toMatch(/link: <.+limit=5&cursor=.+>; rel="next"/i);
    expect(stdout).toContain('"name":"user"');
    expect(stdout).toMatch(/HTTP\/1\.1 201[^]+location: .+\/api\/books\/\d/i);
    expect(stdout).toContain('"price":["Not a valid integer."]');
    expect(stdout).toContain('Successfully logged out.');
    expect(stdout).toMatch(/HTTP\/1\.1 401[^]+"token_revoked"/);
  });

  it('shows a tour in docs/getting-started.md that works when it is pasted', async () => {
    const stdout = await pasteChapter('docs/getting-started.md', 'A tour');
    expect(stdout).toContain('"model":"T-65 X-Wing"');
    expect(stdout).toMatch(/link: <.+limit=5&cursor=.+>; rel="next"/i);
    expect(stdout).toContain('"name":"user"');
    expect(stdout).toMatch(/HTTP\/1\.1 201[^]+location: .+\/api\/ships\/16/i);
    expect(stdout).toContain('"crew":["Not a valid integer."]');
    expect(stdout.match(/Successfully logged out\./g)).toHaveLength(2);
    expect(stdout).toMatch(/HTTP\/1\.1 401[^]+"token_revoked"/);
  });

  it('shows requests in docs/lists.md that work when they are pasted', async () => {
    const page = read('docs/lists.md').replace('# Lists\n', '\n## Lists\n');
    const lists = blocks(page, 'Lists', 'sh')[0]!.replace('http://localhost:3000', app.url);
    const stdout = await paste(lists);
    const [sorted = '', filtered = '', ...pages] = stdout.match(/\[\{.*?\}\]/g)!;
    const field = (json: string, name: string) =>
      (JSON.parse(json) as Record<string, unknown>[]).map((ship) => ship[name]);
    const lengths = field(sorted, 'length') as number[];
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(lengths[0]).toBe(1600);
    expect(new Set(field(sorted, 'affiliation'))).toEqual(new Set(['Empire']));
    for (const roles of field(filtered, 'roles')) expect(roles).toContain('Carrier');
    const ids = pages.flatMap((page) => field(page, 'id'));
    expect(ids.slice(0, 15)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('shows a tour in docs/bookstore-clients.md that works when it is pasted', async () => {
    const stdout = await pasteChapter('docs/bookstore-clients.md', 'A tour');
    expect(stdout).toContain('{"message":"registered successfully"}');
    expect(stdout).toContain('{"message":"new books created"}');
    expect(stdout).toMatch(/\{"list_of_books":\[\{"id":\d+,"name":"Heir to the Empire",.+\}\]\}/);
    expect(stdout).toMatch(/"name":"thrawn","admin":false/);
    expect(stdout).toContain('{"message":"Book deleted"}');
  });

  it.each([
    ['README.md', 1],
    ['docs/protect-your-routes.md', 1],
    ['docs/tokens.md', 2],
  ])('shows only routes and hooks of examples/ in %s', (page, count) => {
    const files = readdirSync('examples').map((name) => read(`examples/${name}`));
    const shown = [...read(page).matchAll(/```ts\n([^]*?)```/g)].map(([, text]) => text!);
    expect(shown).toHaveLength(count);
    for (const block of shown) {
      expect(files.filter((file) => file.endsWith(`\n${block}`))).toHaveLength(1);
    }
  });

  it('links every page of docs/ in README.md', () => {
    const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
    const readme = read('README.md');
    expect(pages.filter((name) => !readme.includes(`](docs/${name})`))).toEqual([]);
  });

  it('explains every setting in docs/settings.md', () => {
    const example = readFileSync('.env.example', 'utf8').matchAll(/\b([A-Z_]{4,})=/g);
    const source = ['app-config', 'jwt-settings']
      .map((name) => readFileSync(`src/config/${name}.ts`, 'utf8'))
      .join('')
      .matchAll(/'([A-Z]+_[A-Z_]+)'/g);
    const names = new Set([...example, ...source].map(([, name]) => name));
    expect(names.size).toBeGreaterThan(23);
    expect([...names].filter((name) => !read('docs/settings.md').includes(`\`${name}\``))).toEqual(
      [],
    );
  });

  it('lists every error code in docs/errors.md', async () => {
    const { text } = await app.get('/docs/openapi.json');
    const documented = [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code);
    const codes = new Set([...documented, csrfFailed.code]);
    expect(codes.size).toBeGreaterThan(15);
    expect([...codes].filter((code) => !read('docs/errors.md').includes(`\`${code}\``))).toEqual(
      [],
    );
  });
});

describe('docs/security.md', () => {
  const page = readFileSync('docs/security.md', 'utf8');
  const specs = readdirSync('test', { recursive: true, encoding: 'utf8' });
  const source = (name: string): string => {
    const files = specs.filter(
      (path) => /^(.*\/)?([\w.-]+?)\.(?:e2e-)?spec\.ts$/.exec(path)?.[2] === name,
    );
    expect(files).not.toEqual([]);
    return files.map((path) => readFileSync(`test/${path}`, 'utf8')).join('\n');
  };

  const threats = [...page.matchAll(/^\*\*(.+?)\.\*\* .+\n\nTests:\n\n((?:- .+\n)+)/gm)];
  it('names the tests of every threat in docs/security.md', () => {
    expect(threats).toHaveLength([...page.matchAll(/^\*\*/gm)].length);
    expect(threats.length).toBeGreaterThan(130);
  });

  it.each(threats.map(([, threat, shown]) => [threat!, shown!]))(
    'names existing tests for the threat “%s”',
    (_, shown) => {
      for (const item of shown.trim().split('\n')) {
        const files = [...item.matchAll(/`([a-z\d.-]+)`/g)].map(([, file]) => source(file!));
        if (files.length === 0) expect(item).toContain('npm run');
        for (const [, title] of item.matchAll(/"(.+?)"/g)) {
          expect(files.filter((text) => text.includes(title!))).not.toHaveLength(0);
        }
      }
    },
  );

  const requirements = [
    ...page.matchAll(/^- \*\*([\d.]+(?: to [\d.]+)?)\*\* L[12] · \*\*([a-z ]+)\*\*.* · .+$/gm),
  ];
  it('names existing tests and files for the requirements in docs/security.md', () => {
    for (const [entry] of requirements) {
      for (const [list] of entry.matchAll(/\btests? `.+?`(?:(?:, | and )`[a-z\d.-]+`)*/g)) {
        for (const [, file] of list.matchAll(/`([a-z\d.-]+)`/g)) source(file!);
      }
    }
    for (const [, path] of page.matchAll(
      /`((?:src|test|docs|data|examples|scripts)\/[\w./-]+)`/g,
    )) {
      expect([path, existsSync(path!)]).toEqual([path, true]);
    }
  });

  it('lists the requirements that do not hold at the beginning of docs/security.md', () => {
    const [, summary = ''] = page.split(/^## /m).filter((part) => !part.startsWith('How to'));
    const named = [...summary.matchAll(/^- \*\*([\d.]+)\*\*: /gm)].map(([, number]) => number);
    const failing = requirements.filter(([, , verdict]) => verdict === 'does not hold');
    expect(named).toEqual(failing.map(([, number]) => number));
  });
});
