import { AuditEntry } from './audit/audit-entry.js';
import { LoginFailure } from './auth/login-failure.js';
import { Book } from './books/book.js';
import { Ship } from './ships/ship.js';
import { RevokedToken } from './tokens/revoked-token.js';
import { Session } from './tokens/session.js';
import { User } from './users/user.js';
import { UserRemoval } from './users/user-removal.js';

/** Every table of the application, for the data sources. */
export const entities = [
  User,
  UserRemoval,
  Ship,
  Book,
  Session,
  RevokedToken,
  LoginFailure,
  AuditEntry,
];
