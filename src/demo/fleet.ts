import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../config/package-root.js';
import type { CreateShip } from '../ships/dto/ship-body.dto.js';

export interface Fleet {
  users: { name: string; password: string }[];
  ships: CreateShip[];
}

/** The example data: `data/fleet.json`. */
export function readFleet(): Fleet {
  return JSON.parse(readFileSync(join(packageRoot, 'data', 'fleet.json'), 'utf8')) as Fleet;
}
