import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeBlocks, paste } from '../../support/documents.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?[^\s`"'<>)|\\]*/g;

describe('The tours in the documents', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
    for (let i = 0; i < 3; i++) await app.newUser();
  });
  afterAll(() => app.close());

  it('shows a tour in docs/getting-started.md that works when it is pasted', async () => {
    const [tour = ''] = codeBlocks('docs/getting-started.md', 'A tour', 'sh');
    const stdout = await paste(tour, app.url);
    expect(stdout).toMatch(/HTTP\/1\.1 201[^]+location: .+\/api\/users\/\d/i);
    expect(stdout).toContain('"name":["Not a valid string."]');
    expect(stdout).toContain('"name":"ada"');
    expect(stdout).toMatch(/link: <.+limit=1&cursor=.+>; rel="next"/i);
    expect(stdout.match(/Successfully logged out\./g)).toHaveLength(2);
    expect(stdout).toMatch(/HTTP\/1\.1 401[^]+"token_revoked"/);
  });

  it('shows requests in docs/lists.md that work when they are pasted', async () => {
    const [lists = ''] = codeBlocks('docs/lists.md', 'Lists', 'sh');
    const stdout = await paste(lists, app.url);
    const [sorted = [], , range, ...pages] = stdout
      .match(/\[(\{.*?\})?\]/g)!
      .map((json) => JSON.parse(json) as { id: number; name: string }[]);
    const { body: users } = await app.get<{ id: number; name: string }[]>('/api/users');
    const names = users.map(({ name }) => name);
    expect(sorted.map(({ name }) => name)).toEqual([names.toSorted().at(-1)]);
    expect(range).toEqual(users.filter(({ id }) => id >= 2));
    expect(pages.flat()).toEqual(users);
  });

  it('shows safe updates and retries in docs/http.md that work when they are pasted', async () => {
    const pasteFrom = async (heading: string) =>
      paste(codeBlocks('docs/http.md', heading, 'sh')[0] ?? '', app.url);
    const updates = await pasteFrom('Update without losing a change');
    expect(updates).toMatch(/HTTP\/1\.1 200[^]+-first"[^]+HTTP\/1\.1 412[^]+precondition_failed/);
    const created = await pasteFrom('Create exactly once');
    const [first = '', again = '', reused = ''] = created.split(/(?=HTTP\/1\.1)/);
    for (const answer of [first, again]) {
      expect(answer).toMatch(/^HTTP\/1\.1 201[^]+"name":"only-once"/);
    }
    expect(again).toMatch(/idempotent-replayed: true/i);
    expect(reused).toMatch(/^HTTP\/1\.1 422[^]+idempotency_key_reused/);
    const unchanged = await pasteFrom('Read only what has changed');
    expect(unchanged).toMatch(/^HTTP\/1\.1 304/);
  });

  it('names only addresses in the documents that answer', async () => {
    const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
    const named = ['README.md', ...pages.map((name) => `docs/${name}`)]
      .flatMap((file) => readFileSync(file, 'utf8').match(ADDRESS) ?? [])
      .map((address) => address.replace(/[.,;:]+$/, ''))
      .filter((address) => !/:(?:5432|6432|9\d{3})\b/.test(address));
    expect(named.length).toBeGreaterThan(3);
    for (const address of new Set(named)) {
      const own = address.replace(/^https?:\/\/[^/]+/, app.url);
      const { status } = await fetch(own, { headers: { accept: 'text/html, */*' } });
      expect([address, status]).toEqual([address, 200]);
    }
  });
});
