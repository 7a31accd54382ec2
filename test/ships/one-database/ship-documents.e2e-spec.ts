import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeBlocks, paste } from '../../support/documents.js';
import { bootApp, type TestApp } from '../../support/test-app.js';
import { exampleShips, newShip, type Ship } from '../ship-values.js';

describe('The documents about ships', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
    const { access: token } = await app.newLogin();
    for (const ship of exampleShips) await newShip(app, token, ship);
  });
  afterAll(() => app.close());

  it('shows requests in docs/lists.md that work when they are pasted', async () => {
    const [, lists = ''] = codeBlocks('docs/lists.md', 'Lists', 'sh');
    const stdout = await paste(lists, app.url);
    const [sorted = [], filtered = []] = stdout
      .match(/\[\{.*?\}\]/g)!
      .map((json) => JSON.parse(json) as Ship[]);
    const lengths = sorted.map(({ length }) => length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(lengths[0]).toBe(1600);
    expect(new Set(sorted.map(({ affiliation }) => affiliation))).toEqual(new Set(['Empire']));
    expect(filtered.length).toBeGreaterThan(0);
    for (const { roles } of filtered) expect(roles).toContain('Carrier');
  });
});
