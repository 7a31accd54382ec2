import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';
import { engine } from '../support/test-database.js';

describe('The plan of a list in a range', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp();
  });
  afterAll(() => app.close());

  /** The SQL of the first two pages, each statement once. */
  const statementsOf = async (path: string): Promise<string[]> => {
    const select = jest.spyOn(app.app.get(Database), 'select');
    const { headers } = await app.get(path);
    const next = /<https?:\/\/[^/]+(.+)>/.exec(headers.get('link')!)![1]!;
    expect((await app.get(next)).status).toBe(200);
    const statements = select.mock.results.map(({ value }) =>
      (value as { sql: () => string }).sql(),
    );
    select.mockRestore();
    return statements;
  };
  /** The plan of a statement with any values, if an index can answer it. */
  const planOf = (statement: string): Promise<string> =>
    app.sql(async (manager) => {
      const query = async (sql: string) => {
        const rows: Record<string, unknown>[] = await manager.query(sql);
        return rows.map((row) => String(row.detail ?? row['QUERY PLAN'])).join('\n');
      };
      if (engine === 'sqlite') return query(`EXPLAIN QUERY PLAN ${statement.replaceAll('?', '0')}`);
      for (const setting of ['seqscan', 'sort', 'bitmapscan'])
        await query(`SET LOCAL enable_${setting} = off`);
      await query('SET LOCAL plan_cache_mode = force_generic_plan');
      await query(`PREPARE list AS ${statement}`);
      const values = new Set(statement.match(/\$\d+/g)).size;
      const plan = await query(`EXPLAIN EXECUTE list(${Array(values).fill('NULL').join()})`);
      await query('DEALLOCATE list');
      return plan;
    });

  it.each([
    ['weight', '5', '99999', 'crates_weight_asc_idx'],
    ['-weight', '5', '99999', 'crates_weight_desc_idx'],
    ['label', 'A', '\uffee', 'crates_label_asc_idx'],
    ['-label', 'A', '\uffee', 'crates_label_desc_idx'],
  ])('reads one range of an index for a list sorted by %s, on each page', async (sort, ...rest) => {
    const [least, most, index] = rest;
    const field = sort.replace('-', '');
    const query = `sort=${sort}&limit=2&${field}[gt]=${least}&${field}[lte]=${encodeURIComponent(most)}`;
    const statements = await statementsOf(`/api/crates?${query}`);
    // The rows with the key of the cursor are read by an equal key and a greater id.
    const inRange = statements.filter((statement) => !statement.includes(' = '));
    expect(inRange.length).toBeGreaterThan(0);
    for (const statement of inRange) {
      const plan = await planOf(statement);
      if (engine === 'sqlite') {
        expect(plan).toMatch(
          new RegExp(`^SEARCH item USING INDEX ${index} \\(\\S+>\\? AND \\S+<\\?\\)$`),
        );
      } else {
        expect(plan).toMatch(new RegExp(`Index Scan using ${index} on crates item`));
        expect(plan).toMatch(/Index Cond: \(.+ >.+ AND .+ <.+\)/);
        expect(plan).not.toMatch(/Sort/);
      }
    }
  });
});
