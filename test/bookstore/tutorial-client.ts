import type { Answer, Client, TestUser } from '../support/client.js';

type Credentials = Pick<TestUser, 'name' | 'password'>;

/** The value of `Authorization` for a login by HTTP Basic. */
export const basic = ({ name, password }: Credentials): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** Logs in at the route of the tutorial. */
export const tutorialLogin = (
  client: Client,
  user: Credentials,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  client.send('POST', '/login', { headers: { ...headers, authorization: basic(user) } });
