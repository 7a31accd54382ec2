import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/default/openapi-typescript.js';

type User = components['schemas']['UserResponse'];
type NewUser = components['schemas']['CreateUser'];
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
    case 'name_taken':
      return 'impossible';
    default:
      return error.code satisfies ErrorCode;
  }
}

export async function register(user: NewUser): Promise<User | undefined> {
  const { data } = await client.POST('/api/users', { body: user });
  return data;
}

export async function listNames(token: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${token}` };
  const query = { sort: '-name', limit: 10 };
  const { data = [] } = await client.GET('/api/users', { headers, params: { query } });
  const { data: first } = await client.GET('/api/users/{id}', { params: { path: { id: 1 } } });
  return [...data, ...(first ? [first] : [])].map(({ name }) => name);
}

export async function makeMistakes(user: NewUser): Promise<void> {
  const { name, ...others } = user;
  // @ts-expect-error The name of the field is misspelled.
  await client.POST('/api/users', { body: { ...others, Name: name } });
  // @ts-expect-error A name is a text.
  await client.POST('/api/users', { body: { ...user, name: 5 } });
  // @ts-expect-error A login needs a password.
  await client.POST('/auth/login', { body: { username: 'user' } });
  // @ts-expect-error An id in a path is a number.
  await client.GET('/api/users/{id}', { params: { path: { id: 'one' } } });
  // @ts-expect-error Lists of users have no such parameter.
  await client.GET('/api/users', { params: { query: { colour: 'red' } } });
  // @ts-expect-error There is no such path.
  await client.GET('/api/planets');
}
