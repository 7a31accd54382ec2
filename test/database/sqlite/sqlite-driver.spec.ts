import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StartError } from '../../../src/errors/start-error.js';
import {
  chooseSqliteDriver,
  loadSqliteDriver,
} from '../../../src/database/sqlite/sqlite-driver.js';

const node = (version: string, napi: string) => ({ version, versions: { napi } });

describe('chooseSqliteDriver', () => {
  it.each([
    ['v22.14.0', '10'],
    ['v24.21.0', '10'],
    ['v26.10.0', '10'],
  ])('chooses better-sqlite3 13 on Node %s', (version, napi) => {
    expect(chooseSqliteDriver(node(version, napi)).major).toBe(13);
  });

  it('chooses better-sqlite3 12 on Node 20', () => {
    expect(chooseSqliteDriver(node('v20.19.0', '9')).major).toBe(12);
  });

  it.each([
    ['v18.20.8', '9'],
    ['v22.13.1', '9'],
  ])('refuses Node %s, where both versions crash, and names the remedy', (version, napi) => {
    expect(() => chooseSqliteDriver(node(version, napi))).toThrow(
      /^SQLite cannot be used on Node v.*Install Node 24, or 22\.14 or later/,
    );
  });
});

describe('loadSqliteDriver', () => {
  let folder: string;
  let require: NodeJS.Require;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sqlite-driver-'));
    require = createRequire(join(folder, 'main.js'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const install = (name: string, version: string, source = ''): void => {
    const file = join(folder, 'node_modules', name, 'index.js');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(join(dirname(file), 'package.json'), JSON.stringify({ name, version }));
    writeFileSync(file, source);
  };

  it('loads the driver that is installed for the running Node', () => {
    const { Sqlite } = loadSqliteDriver();
    const connection = new Sqlite(':memory:');
    expect(connection.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 });
    connection.close();
  });

  it('refuses better-sqlite3 12 on Node 24, and names the remedy', () => {
    install('better-sqlite3', '12.11.1');
    const load = () => loadSqliteDriver(node('v24.21.0', '10'), require);
    expect(load).toThrow(StartError);
    expect(load).toThrow(/Node v24\.21\.0: version 12\.11\.1 is installed.*Run `npm ci`/);
  });

  it('refuses Node 20 if only the driver for later versions is installed', () => {
    install('better-sqlite3', '13.2.0');
    const load = () => loadSqliteDriver(node('v20.19.0', '9'), require);
    expect(load).toThrow(StartError);
    expect(load).toThrow(/Cannot find module 'sqlite-driver-node20.*Run `npm ci`/);
  });

  it('refuses a driver whose native addon is missing, and names the remedy', () => {
    install(
      'better-sqlite3',
      '13.2.0',
      'module.exports = class { constructor() { throw new Error("no addon\\nat x.js") } };',
    );
    const load = () => loadSqliteDriver(node('v24.21.0', '10'), require);
    expect(load).toThrow(
      'The SQLite driver cannot be used on Node v24.21.0: no addon. Run `npm ci` with this Node, and start again.',
    );
  });
});
