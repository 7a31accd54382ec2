import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { csrfFailed } from '../../../src/tokens/token-errors.js';
import { allRoutes } from '../../support/features.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const read = (page: string): string => readFileSync(page, 'utf8');
describe('The documents', () => {
  let app: TestApp;

  beforeAll(async () => {
    // With the errors of all features that can be turned off.
    app = await bootApp(allRoutes);
  });
  afterAll(() => app.close());

  it('keeps README.md to at most 160 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(160);
  });

  it.each([
    ['docs/protect-your-routes.md', 1],
    ['docs/tokens.md', 2],
  ])('shows only routes and hooks of examples/ in %s', (page, count) => {
    const files = readdirSync('examples', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`examples/${name}`));
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
