import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { CrateResponse } from '../../support/fixture/dto/crate-response.dto.js';
import {
  allowUndocumented,
  report,
  responseCheck,
  takeProblems,
} from '../../support/response-check.js';
import { bootFixtureApp } from '../../support/fixture-app.js';

const json = { 'content-type': 'application/json; charset=utf-8' };
const oneUser = { id: 1, name: 'user' };
const notFound = { statusCode: 404, code: 'not_found', error: 'Not Found' };
const location = { ...json, location: 'http://localhost/api/users/1' };

const problemsOf = (
  request: string,
  status: number,
  body: unknown,
  headers: Record<string, string> = json,
) => {
  const [method = '', path = ''] = request.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  // Every documented response has the first of these headers, and every resource the second.
  const tag = status === 200 || status === 201 ? { etag: '"1"' } : {};
  const all = { 'x-request-id': 'a', ...tag, ...headers };
  return responseCheck().problemsOf({ method, path, status, headers: all, body: text });
};

describe('ResponseCheck', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('accepts documented responses', () => {
    expect(problemsOf('GET /api/users/1?x=1', 200, oneUser)).toEqual([]);
    expect(problemsOf('GET /api/users', 200, [oneUser])).toEqual([]);
    expect(problemsOf('POST /api/users', 201, oneUser, location)).toEqual([]);
    expect(problemsOf('GET /api/users/1', 404, notFound)).toEqual([]);
    expect(problemsOf('DELETE /api/users/1', 204, '', {})).toEqual([]);
    expect(problemsOf('GET /nowhere', 404, notFound)).toEqual([]);
    expect(problemsOf('GET /docs', 200, '<html>', { 'content-type': 'text/html' })).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['a status that is not documented', problemsOf('GET /api/users/1', 409, notFound)],
    [
      'a member that is not documented',
      problemsOf('GET /api/users/1', 200, { ...oneUser, colour: 1 }),
    ],
    ['a member of another type', problemsOf('GET /api/users/1', 200, { ...oneUser, name: 5 })],
    ['a member that is missing', problemsOf('GET /api/users', 200, [{ id: 1 }])],
    ['a header that is missing', problemsOf('POST /api/users', 201, oneUser)],
    [
      'a request id that is malformed',
      problemsOf('GET /api/users/1', 200, oneUser, { ...json, 'x-request-id': 'a b' }),
    ],
    [
      'a header that is malformed',
      problemsOf('POST /api/users', 201, oneUser, { ...json, location: 'not a reference' }),
    ],
    [
      'another content type',
      problemsOf('GET /api/users/1', 200, 'x', { 'content-type': 'text/plain' }),
    ],
    [
      'a cookie that is not documented',
      problemsOf('GET /api/users/1', 200, oneUser, { ...json, 'set-cookie': 'a=b' }),
    ],
    ['a body where none is documented', problemsOf('DELETE /api/users/1', 204, oneUser)],
    [
      'an error that the operation does not have',
      problemsOf('GET /api/users/1', 404, { ...notFound, code: 'name_taken' }),
    ],
    [
      'an error with another text',
      problemsOf('GET /api/users/1', 404, { ...notFound, error: 'Gone' }),
    ],
    [
      'an error with an undocumented member',
      problemsOf('GET /api/users/1', 404, { ...notFound, stack: 'at' }),
    ],
    [
      'an error of no operation in another shape',
      problemsOf('GET /nowhere', 404, { message: 'no' }),
    ],
    ['an error of no operation that is not JSON', problemsOf('GET /nowhere', 404, 'x', {})],
    ['an error of no operation with another status', problemsOf('GET /nowhere', 405, notFound)],
  ])('reports %s', (_, found) => {
    expect(found).toHaveLength(1);
  });

  it('checks every response of an application that a test boots', async () => {
    const app = await bootFixtureApp();
    const more = { colour: 1 } as unknown as CrateResponse;
    jest.spyOn(CrateResponse, 'from').mockReturnValue(more);
    await fetch(`${app.url}/api/crates/1`);
    expect(takeProblems()).toContain(
      'GET /api/crates/1 -> 200: must NOT have additional properties {"additionalProperty":"colour"}',
    );
    await app.close();
  });

  it('returns undocumented responses that the test does not allow', () => {
    report(['GET /a -> 200: x']);
    expect(takeProblems()).toEqual(['GET /a -> 200: x']);
    report(['GET /a -> 200: x', 'GET /b -> 200: y']);
    allowUndocumented('GET /a -> 200');
    expect(takeProblems()).toEqual(['GET /b -> 200: y']);
  });
});
