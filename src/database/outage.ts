import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { ApiError, unavailable } from '../errors/api-error.js';
import { codeOf } from './driver-error.js';

/** Codes that concern the server and not the request (PostgreSQL manual, appendix A). */
const POSTGRES = [
  '08...', // connection exceptions, and every error of pgbouncer
  '25006', // read-only transaction: the server is a standby, or was made read-only
  '25P03', // the transaction was idle for too long
  '28...', // refused credentials, which only happens when a connection is opened
  '3D000', // the database does not exist, which also only happens then
  '40001', // a standby cancelled the read, or a serialization failure in every attempt
  '40P01', // a deadlock in every attempt
  '53...', // out of disk space, memory or connections
  '55P03', // a lock was not available in time
  '57014', // cancelled, such as by statement_timeout
  '57P..', // the server shuts down, starts or crashed
  '58...', // system errors, such as EIO
];

/** Codes of SQLite (https://www.sqlite.org/rescode.html), with their extended codes. */
const SQLITE = ['BUSY', 'CANTOPEN', 'FULL', 'IOERR', 'NOMEM', 'PROTOCOL', 'READONLY'].map(
  (name) => `SQLITE_${name}(_\\w+)?`,
);

/** Codes of sockets and of name resolution. */
const SYSTEM = [
  'ECONN\\w+',
  'EPIPE',
  'ETIMEDOUT',
  'E(HOST|NET)(UNREACH|DOWN)',
  'ENOTFOUND',
  'EAI_\\w+',
];

const CODE = new RegExp(`^(${[...POSTGRES, ...SQLITE, ...SYSTEM].join('|')})$`);

/** Messages of `pg`, which have no code, if it cannot open a connection or has lost it. */
const MESSAGE =
  /^(timeout expired|timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Client was closed)/;

/**
 * Whether an error of a driver means that the database cannot work at the moment, for any request:
 * its disk is full or fails, it became read-only, or it cannot be reached.
 */
export function isOutage(error: unknown): boolean {
  // TypeORM throws these for a statement in a transaction whose connection was lost.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof QueryRunnerProviderAlreadyReleasedError) return true;
  return CODE.test(codeOf(error)) || (error instanceof Error && MESSAGE.test(error.message));
}

/** Turns an outage into a 503, because the request may be sent again. Keeps any other error. */
export function withOutageAs503(error: unknown): unknown {
  return !(error instanceof ApiError) && isOutage(error) ? unavailable(error) : error;
}
