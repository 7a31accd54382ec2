import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/default/openapi-typescript.js';

type Ship = components['schemas']['ShipResponse'];
type ErrorCode = components['schemas']['ErrorResponse']['code'];

/** A client with the generated types. Each `@ts-expect-error` marks a mistake that they detect. */
const client = createClient<paths>({ baseUrl: 'http://127.0.0.1:3000' });

export async function logIn(username: string, password: string): Promise<string> {
  const { data, error, response } = await client.POST('/auth/login', {
    body: { username, password },
  });
  if (data) return data.access_token;
  switch (error.code) {
    case 'credentials_invalid':
      return `refused, ${error.statusCode}`;
    case 'too_many_requests':
      return `later, ${response.headers.get('Retry-After')}`;
    // @ts-expect-error A login cannot fail with this code.
    case 'book_exists':
      return 'impossible';
    default:
      return error.code satisfies ErrorCode;
  }
}

export async function addShip(token: string, ship: Omit<Ship, 'id'>): Promise<Ship | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const { data } = await client.POST('/api/ships', { headers, body: ship });
  return data;
}

export async function listShips(): Promise<string[]> {
  const query = { affiliation: 'Empire', sort: '-length', limit: 10 };
  const { data = [] } = await client.GET('/api/ships', { params: { query } });
  const { data: first } = await client.GET('/api/ships/{id}', { params: { path: { id: 1 } } });
  return [...data, ...(first ? [first] : [])].map(({ model }) => model);
}

export async function makeMistakes(ship: Omit<Ship, 'id'>): Promise<void> {
  const { crew, ...others } = ship;
  // @ts-expect-error The name of the field is misspelled.
  await client.POST('/api/ships', { body: { ...others, Crew: crew } });
  // @ts-expect-error A crew is a number.
  await client.POST('/api/ships', { body: { ...ship, crew: '5' } });
  // @ts-expect-error A login needs a password.
  await client.POST('/auth/login', { body: { username: 'user' } });
  // @ts-expect-error An id in a path is a number.
  await client.GET('/api/ships/{id}', { params: { path: { id: 'one' } } });
  // @ts-expect-error Lists of ships have no such parameter.
  await client.GET('/api/ships', { params: { query: { colour: 'red' } } });
  // @ts-expect-error There is no such path.
  await client.GET('/api/planets');
}
