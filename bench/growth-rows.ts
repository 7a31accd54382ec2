import { createHash } from 'node:crypto';

const DAY = 24 * 3600_000;
/** The lifetime of refresh tokens, and so the time from the last refresh to the end of a session. */
const SESSION_LIFETIME = 30 * DAY;
/** The time over which the audit trail is spread; `AUDIT_RETENTION` is a day longer. */
const AUDIT_SPAN = 89 * DAY;
/** The users of the tests have lower ids. */
const FIRST_USER_ID = 101;
const ROWS_PER_USER = 10;

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
];

type Value = string | number | boolean | null;

/** How to make the rows of a table. */
export interface RowSource {
  table: string;
  columns: readonly string[];
  count: number;
  /** @param index from 0 */
  row: (index: number) => Value[];
}

/** The numbers of rows of a database. Users have ten sessions each. */
export interface GrowthSize {
  users: number;
  /** The number of sessions, of revoked tokens and of entries of the audit trail. */
  rows: number;
}

export function growthSize(rows: number): GrowthSize {
  return { users: Math.ceil(rows / ROWS_PER_USER), rows };
}

/**
 * The rows of one database. Ids are random, as those of the service are, but they follow from the
 * index of the row, so that tokens of any session can be signed without reading the database.
 */
export class GrowthRows {
  private readonly now = Date.now();

  /** @param hashes password hashes; the users have them in turns */
  constructor(
    readonly size: GrowthSize,
    private readonly hashes: readonly string[],
  ) {}

  get sources(): RowSource[] {
    return [this.users(), this.sessions(), this.revokedTokens(), this.auditEntries()];
  }

  static nameOf(user: number): string {
    return `member-${user}`;
  }

  /** The claims of the tokens of a session. */
  claimsOf(session: number): { sub: string; sid: string; refreshId: string } {
    return {
      sub: String(this.userIdOf(session)),
      sid: uuidOf(`session ${session}`),
      refreshId: uuidOf(`refresh ${session}`),
    };
  }

  private userIdOf(row: number): number {
    return FIRST_USER_ID + (row % this.size.users);
  }

  private users(): RowSource {
    const columns = ['id', 'name', 'name_key', 'password_hash', 'admin', 'public_id', 'created_at'];
    const row = (i: number): Value[] => {
      const name = GrowthRows.nameOf(i);
      const hash = this.hashes[i % this.hashes.length]!;
      return [FIRST_USER_ID + i, name, name, hash, false, uuidOf(`user ${i}`), this.now - DAY];
    };
    return { table: 'users', columns, count: this.size.users, row };
  }

  /** Sessions that were refreshed at some time of the last 29 days, and are active. */
  private sessions(): RowSource {
    const columns = [
      ...['id', 'subject', 'created_at', 'last_used_at', 'expires_at', 'agent', 'ip'],
      ...['current_token', 'spent_token', 'spent_at'],
    ];
    const row = (i: number): Value[] => {
      const { sid, sub, refreshId } = this.claimsOf(i);
      const usedAt = this.now - spread(i, 29 * DAY);
      const tokens = [digestOf(refreshId), digestOf(`earlier ${refreshId}`), usedAt];
      const times = [usedAt - DAY, usedAt, usedAt + SESSION_LIFETIME];
      return [sid, sub, ...times, agentOf(i), addressOf(i), ...tokens];
    };
    return { table: 'sessions', columns, count: this.size.rows, row };
  }

  private revokedTokens(): RowSource {
    const row = (i: number): Value[] => [
      uuidOf(`revoked ${i}`),
      this.now + DAY + spread(i, 29 * DAY),
    ];
    return { table: 'revoked_tokens', columns: ['jti', 'expires_at'], count: this.size.rows, row };
  }

  /** Entries in the order in which they happened. */
  private auditEntries(): RowSource {
    const columns = [
      ...['happened_at', 'event', 'user_id', 'session_id'],
      ...['ip', 'user_agent', 'request_id'],
    ];
    const { rows } = this.size;
    const row = (i: number): Value[] => {
      const happenedAt = this.now - Math.round((AUDIT_SPAN * (rows - i)) / rows);
      const ids = [this.userIdOf(i), uuidOf(`session ${i}`)];
      return [happenedAt, 'login', ...ids, addressOf(i), agentOf(i), uuidOf(`request ${i}`)];
    };
    return { table: 'audit_entries', columns, count: rows, row };
  }
}

function agentOf(index: number): string {
  return AGENTS[index % AGENTS.length]!;
}

function addressOf(index: number): string {
  return `198.51.${index % 251}.${index % 253}`;
}

/** A time that has nothing to do with the order of the rows. */
function spread(index: number, span: number): number {
  return Math.floor((((index * 7_919) % 100_003) / 100_003) * span);
}

function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
  return [...groups, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** What the service stores of a refresh token; see src/sessions/sealed-token.ts. */
function digestOf(jti: string): string {
  return createHash('sha256').update(jti).digest('base64url');
}
