import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** The imports of each file of `src/`, including type imports, which the linter does not follow. */
function importGraph(): Map<string, string[]> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file));
  const importsOf = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g)]
      .map(([, path]) => normalize(join(dirname(file), `${path}.ts`)))
      .filter((path) => files.includes(path));
  return new Map(files.map((file) => [file, importsOf(file)]));
}

/** The files of an import cycle, or null if there is none. */
function findCycle(graph: ReadonlyMap<string, string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return null;
}

/** The folders that each folder imports directly. */
function folderGraph(graph: ReadonlyMap<string, string[]>): Map<string, string[]> {
  const folderOf = (file: string) => file.split('/')[1]!;
  const folders = new Map<string, Set<string>>();
  for (const [file, imports] of graph) {
    const known = folders.get(folderOf(file)) ?? new Set<string>();
    for (const each of imports) if (folderOf(each) !== folderOf(file)) known.add(folderOf(each));
    folders.set(folderOf(file), known);
  }
  return new Map([...folders].map(([folder, imports]) => [folder, [...imports]]));
}

describe('The imports of src/', () => {
  const graph = importGraph();

  it('has no import cycle between files, type imports included', () => {
    expect(graph.size).toBeGreaterThan(150);
    expect(findCycle(graph)).toBeNull();
  });

  it('has no import cycle between folders', () => {
    expect(findCycle(folderGraph(graph))).toBeNull();
  });

  it('detects an import cycle, and names its files', () => {
    const cycle = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(findCycle(cycle)).toEqual(['b', 'c', 'b']);
  });
});

describe('The folders of src/', () => {
  it('holds at most 20 files and 1,200 lines in each folder of src/, without its subfolders', () => {
    const folders = [
      'src',
      ...readdirSync('src', { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name)),
    ];
    for (const folder of folders) {
      const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
      const lines = files.reduce(
        (sum, { name }) => sum + readFileSync(join(folder, name), 'utf8').split('\n').length - 1,
        0,
      );
      expect([folder, files.length <= 20, lines <= 1200]).toEqual([folder, true, true]);
    }
  });
});
