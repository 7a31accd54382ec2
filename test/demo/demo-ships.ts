import { readFileSync } from 'node:fs';
import type { Ship } from '../ships/ship-values.js';

/** The ships of the demo data. */
export const demoShips = JSON.parse(readFileSync('data/demo-ships.json', 'utf8')) as Ship[];
