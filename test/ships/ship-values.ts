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

export type Ship = typeof ship & { id: number };

/** Ships that differ in every field. */
export const exampleShips: (typeof ship)[] = [
  ship,
  {
    affiliation: 'Rebel Alliance',
    category: 'Starfighters',
    crew: 1,
    length: 13,
    manufacturer: 'Incom Corporation',
    model: 'T-65 X-Wing',
    roles: ['Space Superiority Starfighter', 'Escort'],
    ship_class: 'Starfighter',
  },
  {
    affiliation: 'Trade Federation',
    category: 'Freighters',
    crew: 60_000,
    length: 3170,
    manufacturer: 'Hoersch-Kessel Drive',
    model: 'Lucrehulk-class Battleship',
    roles: ['Carrier'],
    ship_class: 'Battleship',
  },
];

/** Adds a ship. */
export async function newShip(
  client: Client,
  token: string,
  json: typeof ship = ship,
): Promise<Ship> {
  const { body } = await client.send<Ship>('POST', '/api/ships', { token, json });
  return body;
}
