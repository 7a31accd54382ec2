import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

const ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?[^\s`"'<>)|\\]*/g;

describe('The documents of the demo features', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({ BOOKSTORE: 'true', DEMO_DATA: 'true' });
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

  it('names only addresses that answer', async () => {
    const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
    const named = ['README.md', ...pages.map((name) => `docs/${name}`)]
      .flatMap((file) => read(file).match(ADDRESS) ?? [])
      .map((address) => address.replace(/[.,;:]+$/, ''))
      .filter((address) => !/:(?:5432|6432|9\d{3})\b/.test(address));
    expect(named.length).toBeGreaterThan(4);
    for (const address of new Set(named)) {
      const own = address.replace(/^https?:\/\/[^/]+/, app.url);
      const { status } = await fetch(own, { headers: { accept: 'text/html, */*' } });
      expect([address, status]).toEqual([address, 200]);
    }
  });
});
