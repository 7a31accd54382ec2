import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface Locked {
  name?: string;
  version?: string;
  hasInstallScript?: boolean;
  resolved?: string;
  link?: boolean;
  integrity?: string;
}

const locked = (file: string) =>
  (JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> }).packages;
const packages = {
  ...locked('package-lock.json'),
  ...Object.fromEntries(
    Object.entries(locked('openapi-checks/package-lock.json'))
      .filter(([path]) => path !== '')
      .map(([path, each]) => [`openapi-checks/${path}`, each]),
  ),
};
const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  allowScripts: Record<string, boolean>;
};
const nameOf = (path: string, { name }: Locked) => name ?? path.split('node_modules/').at(-1)!;
/** All packages but those of this repository itself. */
const installed = Object.entries(packages).filter(
  ([path, { resolved, link }]) =>
    path.includes('node_modules/') && link !== true && resolved?.startsWith('file:') !== true,
);

describe('The packages that are installed', () => {
  it('replaces @scarf/scarf, which reports installations to its maker, by an empty package', () => {
    const scarf = installed.filter(([path]) => path.endsWith('/@scarf/scarf'));
    expect(scarf.length).toBeGreaterThan(0);
    for (const [path, locked] of scarf) {
      expect([nameOf(path, locked), locked.version]).toEqual(['empty-npm-package', '1.0.0']);
      expect(locked.hasInstallScript).toBeUndefined();
    }
  });

  it('lists every package with an installation script in allowScripts of package.json', () => {
    const withScripts = installed.filter(([, locked]) => locked.hasInstallScript === true);
    const names = new Set(withScripts.map(([path, locked]) => nameOf(path, locked)));
    names.delete('fsevents'); // For macOS only.
    expect(names.size).toBeGreaterThan(0);
    expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining([...names]));
  });

  it('pins every package by a digest of its content', () => {
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  });
});
