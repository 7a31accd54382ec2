import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';
import type { AccessClaims } from './baseline-tokens.js';

const { Sqlite } = loadSqliteDriver();

export interface Crate {
  id: number;
  label: string;
  kind: string;
  packed_by: string;
  count: number;
  weight: number;
  tags: string[];
}

interface User {
  id: number;
  name: string;
  public_id: string;
  admin: number;
  created_at: number;
  /** A list as JSON. */
  roles: string;
}

interface Credentials {
  id: number;
  password_hash: string;
  role_version: number;
}

/** A row of the table, which stores the list `tags` as JSON. */
type CrateRow = Omit<Crate, 'tags'> & { tags: string };
type SessionId = string;
type Subject = string;
type TokenId = string;
type RoleVersion = number;
type Timestamp = number;

const CRATE = 'id, label, kind, packed_by, count, weight, tags' as const;

/** The statements of the baseline: each is prepared once and runs in its own transaction. */
export function openDatabase(file: string) {
  const database = new Sqlite(file, { fileMustExist: true });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');

  const crates = database.prepare<[number, number], CrateRow>(
    `SELECT ${CRATE} FROM crates WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const crate = database.prepare<[number], CrateRow>(`SELECT ${CRATE} FROM crates WHERE id = ?`);
  const addCrate = database.prepare<[Omit<CrateRow, 'id'>]>(
    `INSERT INTO crates (label, kind, packed_by, count, weight, tags)
     VALUES (@label, @kind, @packed_by, @count, @weight, @tags)`,
  );
  const user = database.prepare<[number], User>(
    `SELECT id, name, public_id, admin, created_at,
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

  return {
    crates: (after: number, limit: number): Crate[] => crates.all(after, limit).map(crateOf),
    crate: (id: number): Crate | undefined => {
      const row = crate.get(id);
      return row && crateOf(row);
    },
    addCrate: (values: Omit<Crate, 'id'>): Crate => {
      const { lastInsertRowid } = addCrate.run({ ...values, tags: JSON.stringify(values.tags) });
      return { id: Number(lastInsertRowid), ...values };
    },
    user: (id: number) => user.get(id),
    userByName: (name: string) => userByName.get(name),
    isActive: ({ sid, sub, jti, rv }: AccessClaims): boolean =>
      activeSession.get(sid, sub, Date.now(), jti, Number(sub), rv) !== undefined,
    addSession: (sid: SessionId, subject: Subject, expiresAt: Timestamp, ip: string): void => {
      const now = Date.now();
      addSession.run(sid, subject, now, now, expiresAt, ip);
    },
  };
}

function crateOf(row: CrateRow): Crate {
  return { ...row, tags: JSON.parse(row.tags) as string[] };
}
