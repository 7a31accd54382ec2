import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../config/package-root.js';
import type { CreateShip } from '../ships/dto/ship-body.dto.js';

interface Fleet {
  users: { name: string; password: string }[];
  ships: CreateShip[];
}

/** Reads the demo data from `data/fleet.json`. */
export function readFleet(): Fleet {
  return JSON.parse(readFileSync(join(packageRoot, 'data', 'fleet.json'), 'utf8')) as Fleet;
}
