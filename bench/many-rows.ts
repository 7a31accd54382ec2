import { DataSource } from 'typeorm';
import type { DatabaseSettings } from '../src/config/app-config.js';
import { dataSourceOptions } from '../src/database/data-source-options.js';

const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

let sets = 0;

/** Adds scrolls whose titles differ from those of earlier calls. */
export function fillWithScrolls(
  settings: DatabaseSettings,
  ownerId: number,
  count: number,
): Promise<void> {
  const set = ++sets;
  return run(
    settings,
    `INSERT INTO scrolls (user_id, title, topic, priority) ${numbers(count)}
     SELECT ${ownerId}, 'scroll ' || i || ' of ${set}', 'topic ' || (i * 7919 % 1000), i % 1999 FROM n`,
  );
}

/** Adds sessions whose ids differ from those of earlier calls. They are active by default. */
export function fillWithSessions(
  settings: DatabaseSettings,
  subject: number,
  count: number,
  expiresAt = Date.now() + 3_600_000,
): Promise<void> {
  const set = ++sets;
  const now = Math.min(Date.now(), expiresAt);
  return run(
    settings,
    `INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at) ${numbers(count)}
     SELECT 'many-${set}-' || i, '${subject}', ${now} - i, ${now} - i, ${expiresAt} FROM n`,
  );
}

/** Runs a statement on a database that the service may have open at the same time. */
async function run(settings: DatabaseSettings, statement: string): Promise<void> {
  const options = dataSourceOptions(settings);
  const source = await new DataSource(options).initialize();
  try {
    await source.query(statement);
  } finally {
    await source.destroy();
  }
}
