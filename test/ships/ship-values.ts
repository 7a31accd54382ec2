import { readFileSync } from 'node:fs';
import type { Client } from '../support/client.js';

/** A ship as a client sends it. */
export const ship = {
  affiliation: 'Empire',
  category: 'Capital Ships',
  crew: 37085,
  length: 1600,
  manufacturer: 'Kuat Drive Yards',
  model: 'Imperial I-class Star Destroyer',
  roles: ['Destroyer', 'Carrier', 'Military Transport', 'Command Ship'],
  ship_class: 'Star Destroyer',
};

/** The demo data. */
export const fleet = JSON.parse(readFileSync('data/fleet.json', 'utf8')) as {
  users: { id: number; name: string; password: string }[];
  ships: ({ id: number } & typeof ship)[];
};

/** Adds a ship. */
export async function newShip(client: Client, token: string): Promise<{ id: number }> {
  const { body } = await client.send<{ id: number }>('POST', '/api/ships', { token, json: ship });
  return body;
}
