import pg from 'pg';
import {
  type BaselineDatabase,
  CRATE,
  crateOf,
  type CrateRow,
  type Credentials,
  digestOf,
  type NewCrateRow,
  rowOf,
  type Scroll,
  type User,
  type Versioned,
} from './baseline-rows.js';

// As in the product: 64-bit integers are numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** The statements of the baseline on PostgreSQL: each is prepared, and is a transaction of its own. */
export function openPostgres(url: string): BaselineDatabase {
  const pool = new pg.Pool({ connectionString: url, max: 10 });

  /** Returns a function that runs a prepared statement. */
  const prepare = <Row extends pg.QueryResultRow = never>(name: string, text: string) => {
    return (...values: unknown[]) => pool.query<Row>({ name, text, values });
  };
  const crates = prepare<CrateRow>(
    'crates',
    `SELECT ${CRATE} FROM crates WHERE id > $1 ORDER BY id LIMIT $2`,
  );
  const crate = prepare<CrateRow & Versioned>(
    'crate',
    `SELECT ${CRATE}, version FROM crates WHERE id = $1`,
  );
  const addCrate = prepare<{ id: number }>(
    'add crate',
    `INSERT INTO crates (label, kind, packed_by, count, weight, tags, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
  );
  const replaceCrate = prepare(
    'replace crate',
    `UPDATE crates SET label = $1, kind = $2, packed_by = $3, count = $4, weight = $5, tags = $6,
       version = $7
     WHERE id = $8`,
  );
  const scrolls = prepare<Scroll>(
    'scrolls',
    'SELECT id, title, topic, priority FROM scrolls WHERE user_id = $1 ORDER BY id LIMIT $2',
  );
  const user = prepare<Omit<User, 'admin'> & { admin: boolean }>(
    'user',
    `SELECT id, name, public_id, admin, created_at, role_version,
       (SELECT coalesce(json_agg(role ORDER BY role), '[]') FROM user_roles
        WHERE user_id = users.id)::text AS roles
     FROM users WHERE id = $1`,
  );
  const userByName = prepare<Credentials>(
    'user by name',
    'SELECT id, password_hash, role_version FROM users WHERE name = $1',
  );
  const activeSession = prepare(
    'active session',
    `SELECT 1 FROM sessions
     WHERE id = $1 AND subject = $2 AND ended_at IS NULL AND expires_at > $3
       AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $4)
       AND EXISTS (SELECT 1 FROM users WHERE id = $5 AND role_version = $6)`,
  );
  const addSession = prepare(
    'add session',
    `INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at, ip)
     VALUES ($1, $2, $3, $3, $4, $5)`,
  );
  const rotate = prepare(
    'rotate',
    `UPDATE sessions SET current_token = $1, spent_token = $2, spent_at = $3, last_used_at = $3,
       expires_at = $4
     WHERE id = $5 AND subject = $6 AND ended_at IS NULL AND expires_at > $3
       AND (current_token = $2 OR current_token IS NULL)
       AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $7)`,
  );

  return {
    crates: async (after, limit) => (await crates(after, limit)).rows.map(crateOf),
    crate: async (id) => {
      const [row] = (await crate(id)).rows;
      return row && crateOf(row);
    },
    addCrate: async (values) => {
      const row = rowOf(values);
      const { rows } = await addCrate(...valuesOf(row));
      return { id: rows[0]!.id, ...values, version: row.version };
    },
    replaceCrate: async (id, values) => {
      const row = rowOf(values);
      return (await replaceCrate(...valuesOf(row), id)).rowCount === 1 ? row.version : null;
    },
    scrolls: async (userId, limit) => (await scrolls(userId, limit)).rows,
    user: async (id) => {
      const [row] = (await user(id)).rows;
      return row && { ...row, admin: Number(row.admin) };
    },
    userByName: async (name) => (await userByName(name)).rows[0],
    isActive: async ({ sid, sub, jti, rv }) =>
      (await activeSession(sid, sub, Date.now(), jti, Number(sub), rv)).rowCount === 1,
    addSession: async (sid, subject, expiresAt, ip) => {
      await addSession(sid, subject, Date.now(), expiresAt, ip);
    },
    rotate: async ({ sid, sub, from, to, lifetime }) => {
      const now = Date.now();
      const end = now + lifetime * 1000;
      const { rowCount } = await rotate(digestOf(to), digestOf(from), now, end, sid, sub, from);
      return rowCount === 1;
    },
  };
}

/** In the order of the statements. */
function valuesOf(row: NewCrateRow): unknown[] {
  return [row.label, row.kind, row.packed_by, row.count, row.weight, row.tags, row.version];
}
