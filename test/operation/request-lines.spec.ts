import { describe, expect, it } from '@jest/globals';
import { ServiceLogger } from '../../src/logging/service-logger.js';
import type { AnsweredRequest } from '../../src/operation/answered-requests.js';
import { formatAsJson, formatAsText } from '../../src/operation/request-lines.js';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
const HOSTILE = `"\\\n\u202e${TOKEN}`;
const ESCAPED = '"\\\\n\\u{202e}[token]';

const request = (changes: Partial<AnsweredRequest> = {}): AnsweredRequest => ({
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  method: 'GET',
  route: '/api/crates/:id',
  url: '/api/crates/1?token=secret',
  status: 200,
  aborted: false,
  duration: 1.23456,
  id: 'trace-1',
  userId: '7',
  sessionId: 'abc',
  address: '192.0.2.1',
  ...changes,
});
const unknown = { route: null, url: null, id: null, userId: null, sessionId: null, address: null };

describe('The line of a request in JSON', () => {
  const format = formatAsJson();
  const recordOf = (changes?: Partial<AnsweredRequest>) => {
    const line = format(request(changes));
    expect(line.endsWith('}\n')).toBe(true);
    return JSON.parse(line) as Record<string, unknown>;
  };

  it('has a member for each thing that is known', () => {
    expect(recordOf()).toEqual({
      level: 'info',
      timestamp: '2026-01-02T03:04:05.678Z',
      pid: process.pid,
      context: 'Request',
      route: '/api/crates/:id',
      method: 'GET',
      path: '/api/crates/1',
      status: 200,
      duration_ms: 1.235,
      request_id: 'trace-1',
      user_id: '7',
      session_id: 'abc',
      address: '192.0.2.1',
      message: 'GET /api/crates/1 200',
    });
  });

  it('has neither a route nor a path if the request was not understood', () => {
    const { time, ...record } = recordOf({ ...unknown, method: 'invalid', status: 400 });
    expect(time).toBeUndefined();
    expect(record).toEqual({
      level: 'info',
      timestamp: '2026-01-02T03:04:05.678Z',
      pid: process.pid,
      context: 'Request',
      route: null,
      method: 'invalid',
      path: null,
      status: 400,
      duration_ms: 1.235,
      message: 'invalid  400',
    });
  });

  it('follows the time, the route and the status of each request', () => {
    const time = Date.UTC(2027, 0, 1);
    const line = recordOf({ time, route: null, status: 500, aborted: true });
    expect(line).toMatchObject({
      timestamp: '2027-01-01T00:00:00.000Z',
      route: null,
      level: 'error',
      aborted: true,
    });
    expect(recordOf({ route: '/a"' })).toMatchObject({ route: '/a"', level: 'info' });
    expect(recordOf({ status: 499 })).toMatchObject({ level: 'info' });
  });

  it('escapes what clients sent, once for the JSON and once for the terminal', () => {
    const line = recordOf({ url: `/${HOSTILE}`, userId: HOSTILE, sessionId: HOSTILE, id: HOSTILE });
    expect(line).toMatchObject({
      path: `/${ESCAPED}`,
      user_id: ESCAPED,
      session_id: ESCAPED,
      request_id: ESCAPED,
      message: `GET /${ESCAPED} 200`,
    });
  });

  it('has the first 200 characters of a path', () => {
    expect(recordOf({ url: `/${'a'.repeat(300)}` })).toMatchObject({ path: `/${'a'.repeat(199)}` });
  });
});

describe('The line of a request as text', () => {
  const format = formatAsText(new ServiceLogger({ json: false, level: 'info' }));

  it('names the user and the request if they are known', () => {
    expect(format(request())).toMatch(
      / LOG \[Request\] GET \/api\/crates\/1 200 \(1\.2 ms, user 7, request trace-1\)\n$/,
    );
    expect(format(request({ ...unknown, status: 500, aborted: true }))).toMatch(
      / ERROR \[Request\] GET {2}500 \(1\.2 ms, aborted\)\n$/,
    );
  });

  it('escapes what clients sent', () => {
    const line = format(request({ url: `/${HOSTILE}`, userId: HOSTILE }));
    expect(line).toContain(`GET /${ESCAPED} 200 (1.2 ms, user ${ESCAPED}, `);
  });
});
