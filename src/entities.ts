import { AuditEntry } from './audit/audit-entry.entity.js';
import { LoginFailure } from './auth/login-failure.entity.js';
import { Book } from './books/book.entity.js';
import { Ship } from './ships/ship.entity.js';
import { RevokedToken } from './sessions/revoked-token.entity.js';
import { Session } from './sessions/session.entity.js';
import { User } from './users/user.entity.js';
import { UserRemoval } from './users/user-removal.entity.js';

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
