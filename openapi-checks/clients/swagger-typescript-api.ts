import {
  Api,
  type CreateUser,
  type ErrorResponse,
  type UserResponse,
} from '../generated/default/client.js';

/** The generated client in use. Each `@ts-expect-error` marks a mistake that the types detect. */
const client = new Api<string>({
  baseUrl: 'http://127.0.0.1:3000',
  securityWorker: (token) => (token ? { headers: { authorization: `Bearer ${token}` } } : {}),
});

export async function logIn(username: string, password: string): Promise<void> {
  const { data } = await client.auth.authLogin({ username, password });
  client.setSecurityData(data.access_token);
}

export async function register(user: CreateUser): Promise<UserResponse> {
  const { data } = await client.api.usersCreate(user);
  return data;
}

export async function listNames(): Promise<string[]> {
  const { data } = await client.api.usersList({ sort: '-name', limit: 10 });
  const { data: first } = await client.api.usersGet(1);
  return [...data, first].map(({ name }) => name);
}

export function isTaken({ code }: ErrorResponse): boolean {
  // @ts-expect-error There is no such code.
  if (code === 'taken') return false;
  return code === 'name_taken';
}

export async function makeMistakes(user: CreateUser): Promise<void> {
  // @ts-expect-error A user has no such field.
  await client.api.usersCreate({ ...user, rank: 1 });
  // @ts-expect-error A name is a text.
  await client.api.usersCreate({ ...user, name: 5 });
  // @ts-expect-error A login needs a password.
  await client.auth.authLogin({ username: 'user' });
  // @ts-expect-error There is no such operation.
  await client.api.planetsList();
}
