import { Api, type ErrorResponse, type ShipResponse } from '../generated/default/client.js';

/** The generated client in use. Each `@ts-expect-error` marks a mistake that the types detect. */
const client = new Api<string>({
  baseUrl: 'http://127.0.0.1:3000',
  securityWorker: (token) => (token ? { headers: { authorization: `Bearer ${token}` } } : {}),
});

export async function logIn(username: string, password: string): Promise<void> {
  const { data } = await client.auth.authLogin({ username, password });
  client.setSecurityData(data.access_token);
}

export async function addShip(ship: Omit<ShipResponse, 'id'>): Promise<ShipResponse> {
  const { data } = await client.api.shipsCreate(ship);
  return data;
}

export async function listShips(): Promise<string[]> {
  const { data } = await client.api.shipsList({ affiliation: 'Empire', limit: 10 });
  const { data: first } = await client.api.shipsGet(1);
  return [...data, first].map(({ model }) => model);
}

export function isTaken({ code }: ErrorResponse): boolean {
  // @ts-expect-error There is no such code.
  if (code === 'taken') return false;
  return code === 'name_taken';
}

export async function makeMistakes(ship: Omit<ShipResponse, 'id'>): Promise<void> {
  // @ts-expect-error A ship has no such field.
  await client.api.shipsCreate({ ...ship, hull: 1 });
  // @ts-expect-error A crew is a number.
  await client.api.shipsCreate({ ...ship, crew: '5' });
  // @ts-expect-error A login needs a password.
  await client.auth.authLogin({ username: 'user' });
  // @ts-expect-error There is no such operation.
  await client.api.planetsList();
}
