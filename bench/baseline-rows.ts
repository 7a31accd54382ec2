import { hash, randomInt } from 'node:crypto';
import type { AccessClaims } from './baseline-tokens.js';

export interface Crate {
  id: number;
  label: string;
  kind: string;
  packed_by: string;
  count: number;
  weight: number;
  tags: string[];
}

export interface Versioned {
  /** The entity tag is made from it. */
  version: number;
}

export interface Scroll {
  id: number;
  title: string;
  topic: string;
  priority: number | null;
}

export interface User {
  id: number;
  name: string;
  public_id: string;
  admin: number;
  created_at: number;
  role_version: number;
  /** A list as JSON. */
  roles: string;
}

export interface Credentials {
  id: number;
  password_hash: string;
  role_version: number;
}

/** A row of the table, which stores the list `tags` as JSON. */
export type CrateRow = Omit<Crate, 'tags'> & { tags: string };
/** The values of a crate, with its version. */
export type NewCrateRow = Omit<CrateRow, 'id'> & Versioned;
export type SessionId = string;
export type Subject = string;
export type TokenId = string;
export type RoleVersion = number;
export type Timestamp = number;

/** One rotation of a session's refresh token. */
export interface Rotation {
  sid: SessionId;
  sub: Subject;
  /** The token that is rotated, and its successor. */
  from: TokenId;
  to: TokenId;
  /** Seconds from now to the new end of the session. */
  lifetime: number;
}

/** The columns of a crate, as they are sent. */
export const CRATE = 'id, label, kind, packed_by, count, weight, tags';

type Answer<Value> = Value | Promise<Value>;

/** What the routes of the baseline need of a database. SQLite answers at once. */
export interface BaselineDatabase {
  crates(after: number, limit: number): Answer<Crate[]>;
  crate(id: number): Answer<(Crate & Versioned) | undefined>;
  addCrate(values: Omit<Crate, 'id'>): Answer<Crate & Versioned>;
  /** @returns the new version; null if there is no such crate */
  replaceCrate(id: number, values: Omit<Crate, 'id'>): Answer<number | null>;
  scrolls(userId: number, limit: number): Answer<Scroll[]>;
  user(id: number): Answer<User | undefined>;
  userByName(name: string): Answer<Credentials | undefined>;
  isActive(claims: AccessClaims): Answer<boolean>;
  addSession(sid: SessionId, subject: Subject, expiresAt: Timestamp, ip: string): Answer<void>;
  /** Replaces the current refresh token, unless another request has done so. */
  rotate(rotation: Rotation): Answer<boolean>;
}

export function crateOf<Row extends CrateRow>(row: Row): Omit<Row, 'tags'> & Pick<Crate, 'tags'> {
  return { ...row, tags: JSON.parse(row.tags) as string[] };
}

export function rowOf(values: Omit<Crate, 'id'>): NewCrateRow {
  return { ...values, tags: JSON.stringify(values.tags), version: randomInt(1, 2 ** 48 - 1) };
}

/** Only the digest of a token is stored. */
export function digestOf(jti: TokenId): string {
  return hash('sha256', jti, 'base64url');
}
