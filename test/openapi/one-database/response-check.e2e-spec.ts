import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ShipResponse } from '../../../src/ships/dto/ship-response.dto.js';
import { ship } from '../../support/client.js';
import {
  allowUndocumented,
  report,
  responseCheck,
  takeProblems,
} from '../../support/response-check.js';
import { bootApp } from '../../support/test-app.js';

const json = { 'content-type': 'application/json; charset=utf-8' };
const oneShip = { id: 1, ...ship };
const notFound = { statusCode: 404, code: 'not_found', error: 'Not Found' };
const location = { ...json, location: 'http://localhost/api/ships/1' };

const problemsOf = (
  request: string,
  status: number,
  body: unknown,
  headers: Record<string, string> = json,
) => {
  const [method = '', path = ''] = request.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  // Every documented response has this header.
  const all = { 'x-request-id': 'a', ...headers };
  return responseCheck().problemsOf({ method, path, status, headers: all, body: text });
};

describe('ResponseCheck', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('accepts documented responses', () => {
    expect(problemsOf('GET /api/ships/1?x=1', 200, oneShip)).toEqual([]);
    expect(problemsOf('GET /api/ships', 200, [oneShip])).toEqual([]);
    expect(problemsOf('POST /api/ships', 201, oneShip, location)).toEqual([]);
    expect(problemsOf('GET /api/ships/1', 404, notFound)).toEqual([]);
    expect(problemsOf('DELETE /api/ships/1', 204, '', {})).toEqual([]);
    expect(problemsOf('GET /nowhere', 404, notFound)).toEqual([]);
    expect(problemsOf('GET /docs', 200, '<html>', { 'content-type': 'text/html' })).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['a status that is not documented', problemsOf('GET /api/ships/1', 409, notFound)],
    [
      'a member that is not documented',
      problemsOf('GET /api/ships/1', 200, { ...oneShip, hull: 1 }),
    ],
    ['a member of another type', problemsOf('GET /api/ships/1', 200, { ...oneShip, crew: '5' })],
    ['a member that is missing', problemsOf('GET /api/ships', 200, [ship])],
    ['a header that is missing', problemsOf('POST /api/ships', 201, oneShip)],
    [
      'a request id that is malformed',
      problemsOf('GET /api/ships/1', 200, oneShip, { ...json, 'x-request-id': 'a b' }),
    ],
    [
      'a header that is malformed',
      problemsOf('POST /api/ships', 201, oneShip, { ...json, location: 'not a reference' }),
    ],
    [
      'another content type',
      problemsOf('GET /api/ships/1', 200, 'x', { 'content-type': 'text/plain' }),
    ],
    [
      'a cookie that is not documented',
      problemsOf('GET /api/ships/1', 200, oneShip, { ...json, 'set-cookie': 'a=b' }),
    ],
    ['a body where none is documented', problemsOf('DELETE /api/ships/1', 204, oneShip)],
    [
      'an error that the operation does not have',
      problemsOf('GET /api/ships/1', 404, { ...notFound, code: 'name_taken' }),
    ],
    [
      'an error with another text',
      problemsOf('GET /api/ships/1', 404, { ...notFound, error: 'Gone' }),
    ],
    [
      'an error with an undocumented member',
      problemsOf('GET /api/ships/1', 404, { ...notFound, stack: 'at' }),
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
    const app = await bootApp();
    const more = { ...oneShip, hull: 1 } as unknown as ShipResponse;
    jest.spyOn(ShipResponse, 'from').mockReturnValue(more);
    await fetch(`${app.url}/api/ships/1`);
    expect(takeProblems()).toEqual([
      'GET /api/ships/1 -> 200: must NOT have additional properties {"additionalProperty":"hull"}',
    ]);
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
