import { describe, expect, it } from '@jest/globals';
import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { ApiError, notFound } from '../../src/errors/api-error.js';
import { isOutage, withOutageAs503 } from '../../src/database/outage.js';
import { loadSqliteDriver } from '../../src/database/sqlite/sqlite-driver.js';

const coded = (code: string) => Object.assign(new Error('of a driver'), { code });

describe('An outage of the database', () => {
  it.each([
    ...['SQLITE_FULL', 'SQLITE_IOERR', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY_DBMOVED'],
    ...['SQLITE_CANTOPEN', 'SQLITE_CANTOPEN_ISDIR', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT'],
    ...['08006', '08P01', '25006', '25P03', '28P01', '3D000', '53100', '53300', '57P01', '58030'],
    ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN'],
  ])('treats the code %s as an outage', (code) => {
    expect(isOutage(coded(code))).toBe(true);
    expect(isOutage(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(true);
  });

  it.each([
    ...['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_ERROR', 'SQLITE_CORRUPT', 'SQLITE_FULLER'],
    ...['23505', '22003', '42P01', '25P02', 'ENOENT'],
  ])('does not treat the code %s as an outage', (code) => {
    expect(isOutage(coded(code))).toBe(false);
  });

  it.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'timeout expired',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])('treats the pg error "%s" as an outage', (message) => {
    expect(isOutage(new Error(message))).toBe(true);
    expect(isOutage(new QueryFailedError('SELECT 1', [], new Error(message)))).toBe(true);
  });

  it('treats a statement of a transaction whose connection was lost as an outage', () => {
    expect(isOutage(new QueryRunnerAlreadyReleasedError())).toBe(true);
    expect(isOutage(new QueryRunnerProviderAlreadyReleasedError())).toBe(true);
  });

  it('treats a SQLite file that became read-only as an outage', () => {
    const connection = new (loadSqliteDriver().Sqlite)(':memory:');
    connection.pragma('query_only = ON');
    try {
      connection.exec('CREATE TABLE x (y)');
      throw new Error('The table was created.');
    } catch (error) {
      expect(isOutage(error)).toBe(true);
    }
    connection.close();
  });

  it('turns an outage into 503 with a reason for the log, and returns other errors unchanged', () => {
    const refused = withOutageAs503(coded('SQLITE_FULL')) as ApiError;
    expect([refused.code, refused.headers]).toEqual([
      'service_unavailable',
      { 'retry-after': '1' },
    ]);
    expect(refused.reason).toBe('of a driver');
    const other = new Error('other');
    expect(withOutageAs503(other)).toBe(other);
    const known = new ApiError(notFound, { cause: coded('SQLITE_FULL') });
    expect(withOutageAs503(known)).toBe(known);
  });

  it('gives the messages of all addresses of a host as the reason if none answers', () => {
    const errors = [new Error('connect ::1'), new Error('connect 127.0.0.1')];
    const cause = Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' });
    const { reason } = withOutageAs503(cause) as ApiError;
    expect(reason).toBe('connect ::1; connect 127.0.0.1');
  });
});
