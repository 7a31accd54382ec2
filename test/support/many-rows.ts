import type { TestApp } from './test-app.js';

/** A query of the numbers from 1 to `count`, as `i` of `n`. */
export const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

/** Inserts the scrolls `scroll 1`, `scroll 2` and so on. */
export async function addScrolls(app: TestApp, ownerId: number, count: number): Promise<void> {
  await app.sql((manager) =>
    manager.query(
      `INSERT INTO scrolls (user_id, title, topic, priority) ${numbers(count)}
       SELECT ${ownerId}, 'scroll ' || i, 'topic ' || (i * 7919 % 1000), i FROM n`,
    ),
  );
}

/** Inserts sessions, also more than a user may have. */
export async function addSessions(
  app: TestApp,
  subject: number,
  count: number,
  { ended = false } = {},
): Promise<void> {
  const now = Date.now();
  const prefix = `${ended ? 'ended' : 'live'}-${subject}-`;
  await app.sql((manager) =>
    manager.query(
      `INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at, ended_at)
       ${numbers(count)}
       SELECT '${prefix}' || i, '${subject}', ${now} - i, ${now} - i, ${now + 3_600_000},
              ${ended ? now : 'NULL'} FROM n`,
    ),
  );
}
