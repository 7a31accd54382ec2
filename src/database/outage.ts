import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { ApiError, unavailable } from '../errors/api-error.js';
import { codeOf } from './driver-error.js';

/** Codes of PostgreSQL's manual, appendix A, that say something of the server and not of the request. */
const POSTGRES = [
  '08...', // connection exceptions, and every error of pgbouncer
  '25006', // read-only transaction: the server is a standby, or was made read-only
  '25P03', // the transaction was idle for too long
  '28...', // refused credentials, which only happens when a connection is made
  '3D000', // likewise: the database does not exist
  '40001', // a standby cancelled the read
  '40P01', // one deadlock after the other
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

/** What `pg` says, without a code, of a connection that it cannot get or has lost. */
const MESSAGE =
  /^(timeout expired|timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Client was closed)/;

/**
 * Whether an error of a driver says that the database cannot work at the moment, whatever the request
 * asks for: its disk is full or fails, it became read-only, or it cannot be reached.
 */
export function isOutage(error: unknown): boolean {
  // TypeORM's answers to a statement of a transaction whose connection has died.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof QueryRunnerProviderAlreadyReleasedError) return true;
  return CODE.test(codeOf(error)) || (error instanceof Error && MESSAGE.test(error.message));
}

/** What a caller gets of an error: 503 if it is an outage, since the request may be sent again. */
export function withOutageAs503(error: unknown): unknown {
  return !(error instanceof ApiError) && isOutage(error) ? unavailable(error) : error;
}
