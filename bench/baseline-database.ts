import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';

const { Sqlite } = loadSqliteDriver();

export interface Ship {
  id: number;
  affiliation: string;
  category: string;
  crew: number;
  length: number;
  manufacturer: string;
  model: string;
  roles: string[];
  ship_class: string;
}

interface User {
  id: number;
  name: string;
  public_id: string;
  admin: number;
  created_at: number;
}

/** A row of the table, which stores the list `roles` as JSON. */
type ShipRow = Omit<Ship, 'roles'> & { roles: string };
type SessionId = string;
type Subject = string;
type TokenId = string;
type Timestamp = number;

const SHIP =
  'id, affiliation, category, crew, length, manufacturer, model, roles, ship_class' as const;

/** The statements of the baseline: each is prepared once and runs in its own transaction. */
export function openDatabase(file: string) {
  const database = new Sqlite(file, { fileMustExist: true });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');

  const ships = database.prepare<[number, number], ShipRow>(
    `SELECT ${SHIP} FROM ships WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const ship = database.prepare<[number], ShipRow>(`SELECT ${SHIP} FROM ships WHERE id = ?`);
  const addShip = database.prepare<[Omit<ShipRow, 'id'>]>(
    `INSERT INTO ships (affiliation, category, crew, length, manufacturer, model, roles, ship_class)
     VALUES (@affiliation, @category, @crew, @length, @manufacturer, @model, @roles, @ship_class)`,
  );
  const user = database.prepare<[number], User>(
    'SELECT id, name, public_id, admin, created_at FROM users WHERE id = ?',
  );
  const userByName = database.prepare<[string], { id: number; password_hash: string }>(
    'SELECT id, password_hash FROM users WHERE name = ?',
  );
  const activeSession = database.prepare<[SessionId, Subject, Timestamp, TokenId]>(
    `SELECT 1 FROM sessions
     WHERE id = ? AND subject = ? AND ended_at IS NULL AND expires_at > ?
       AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?)`,
  );
  const addSession = database.prepare<
    [SessionId, Subject, Timestamp, Timestamp, Timestamp, string]
  >(
    `INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at, ip)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );

  return {
    ships: (after: number, limit: number): Ship[] => ships.all(after, limit).map(shipOf),
    ship: (id: number): Ship | undefined => {
      const row = ship.get(id);
      return row && shipOf(row);
    },
    addShip: (values: Omit<Ship, 'id'>): Ship => {
      const { lastInsertRowid } = addShip.run({ ...values, roles: JSON.stringify(values.roles) });
      return { id: Number(lastInsertRowid), ...values };
    },
    user: (id: number) => user.get(id),
    userByName: (name: string) => userByName.get(name),
    isActive: (sid: SessionId, subject: Subject, jti: TokenId): boolean =>
      activeSession.get(sid, subject, Date.now(), jti) !== undefined,
    addSession: (sid: SessionId, subject: Subject, expiresAt: Timestamp, ip: string): void => {
      const now = Date.now();
      addSession.run(sid, subject, now, now, expiresAt, ip);
    },
  };
}

function shipOf(row: ShipRow): Ship {
  return { ...row, roles: JSON.parse(row.roles) as string[] };
}
