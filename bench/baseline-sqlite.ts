import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';
import {
  type BaselineDatabase,
  CRATE,
  crateOf,
  type CrateRow,
  type Credentials,
  digestOf,
  type NewCrateRow,
  type RoleVersion,
  rowOf,
  type Scroll,
  type SessionId,
  type Subject,
  type Timestamp,
  type TokenId,
  type User,
  type Versioned,
} from './baseline-rows.js';

const { Sqlite } = loadSqliteDriver();

/** The statements of the baseline: each is prepared once and runs in its own transaction. */
export function openSqlite(file: string): BaselineDatabase {
  const database = new Sqlite(file, { fileMustExist: true });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');

  const crates = database.prepare<[number, number], CrateRow>(
    `SELECT ${CRATE} FROM crates WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const crate = database.prepare<[number], CrateRow & Versioned>(
    `SELECT ${CRATE}, version FROM crates WHERE id = ?`,
  );
  const addCrate = database.prepare<[NewCrateRow]>(
    `INSERT INTO crates (label, kind, packed_by, count, weight, tags, version)
     VALUES (@label, @kind, @packed_by, @count, @weight, @tags, @version)`,
  );
  const replaceCrate = database.prepare<[NewCrateRow & { id: number }]>(
    `UPDATE crates SET label = @label, kind = @kind, packed_by = @packed_by, count = @count,
       weight = @weight, tags = @tags, version = @version
     WHERE id = @id`,
  );
  const scrolls = database.prepare<[number, number], Scroll>(
    `SELECT id, title, topic, priority FROM scrolls WHERE user_id = ? ORDER BY id LIMIT ?`,
  );
  const user = database.prepare<[number], User>(
    `SELECT id, name, public_id, admin, created_at, role_version,
       (SELECT json_group_array(role ORDER BY role) FROM user_roles WHERE user_id = users.id) AS roles
     FROM users WHERE id = ?`,
  );
  const userByName = database.prepare<[string], Credentials>(
    'SELECT id, password_hash, role_version FROM users WHERE name = ?',
  );
  const activeSession = database.prepare<
    [SessionId, Subject, Timestamp, TokenId, number, RoleVersion]
  >(
    `SELECT 1 FROM sessions
     WHERE id = ? AND subject = ? AND ended_at IS NULL AND expires_at > ?
       AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?)
       AND EXISTS (SELECT 1 FROM users WHERE id = ? AND role_version = ?)`,
  );
  const addSession = database.prepare<
    [SessionId, Subject, Timestamp, Timestamp, Timestamp, string]
  >(
    `INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at, ip)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const rotate = database.prepare<[object]>(
    `UPDATE sessions SET current_token = @to, spent_token = @from, spent_at = @now,
       last_used_at = @now, expires_at = @end
     WHERE id = @sid AND subject = @sub AND ended_at IS NULL AND expires_at > @now
       AND (current_token = @from OR current_token IS NULL)
       AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = @jti)`,
  );

  return {
    crates: (after, limit) => crates.all(after, limit).map(crateOf),
    crate: (id) => {
      const row = crate.get(id);
      return row && crateOf(row);
    },
    addCrate: (values) => {
      const row = rowOf(values);
      const { lastInsertRowid } = addCrate.run(row);
      return { id: Number(lastInsertRowid), ...values, version: row.version };
    },
    replaceCrate: (id, values) => {
      const row = { id, ...rowOf(values) };
      return replaceCrate.run(row).changes === 1 ? row.version : null;
    },
    scrolls: (userId, limit) => scrolls.all(userId, limit),
    user: (id) => user.get(id),
    userByName: (name) => userByName.get(name),
    isActive: ({ sid, sub, jti, rv }) =>
      activeSession.get(sid, sub, Date.now(), jti, Number(sub), rv) !== undefined,
    addSession: (sid, subject, expiresAt, ip) => {
      const now = Date.now();
      addSession.run(sid, subject, now, now, expiresAt, ip);
    },
    rotate: ({ sid, sub, from, to, lifetime }) => {
      const now = Date.now();
      const digests = { from: digestOf(from), to: digestOf(to) };
      const values = { ...digests, sid, sub, jti: from, now, end: now + lifetime * 1000 };
      return rotate.run(values).changes === 1;
    },
  };
}
