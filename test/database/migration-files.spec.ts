import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadMigrations, migrationOf } from '../../src/database/migrations.js';

class CreateCrews1795360000001 {
  async up(): Promise<void> {}
  async down(): Promise<void> {}
}

describe('loadMigrations', () => {
  it('finds the migrations of the folder in the order of their timestamps', async () => {
    const files = readdirSync('migrations').filter((file) => /^\d{13}-.+\.ts$/.test(file));
    expect(files.length).toBeGreaterThan(0);
    const migrations = await loadMigrations(resolve('migrations'));
    expect(migrations.map(({ name }) => /\d{13}$/.exec(name)![0])).toEqual(
      files.map((file) => file.slice(0, 13)).sort(),
    );
  });

  it('ignores files that are not named as migrations are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
    for (const name of ['columns.ts', '1795360000001-create-crews.d.ts', 'README.md']) {
      writeFileSync(join(folder, name), 'throw new Error("imported")');
    }
    expect(await loadMigrations(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe('migrationOf', () => {
  const file = join('migrations', '1795360000001-create-crews.ts');

  it('returns the only migration that a file exports, whatever else it exports', () => {
    const module = { CreateCrews1795360000001, addColumn: () => undefined, NAME: 'crews' };
    expect(migrationOf(file, module)).toBe(CreateCrews1795360000001);
  });

  it.each([
    ['no migration', { NAME: 'crews' }],
    [
      'two migrations',
      { CreateCrews1795360000001, Other: class extends CreateCrews1795360000001 {} },
    ],
  ])('refuses a file with %s, and names the file', (_, module) => {
    expect(() => migrationOf(file, module)).toThrow(
      `${file} must export one migration: a class with the methods up and down.`,
    );
  });

  it('refuses a class whose name does not end with the timestamp of the file', () => {
    const other = join('migrations', '1795360000002-create-crews.ts');
    expect(() => migrationOf(other, { CreateCrews1795360000001 })).toThrow(
      `The class CreateCrews1795360000001 in ${other} must end with 1795360000002.`,
    );
  });
});
