import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

interface Groups {
  groupSpecs: (root: string, name: string, specs: string[], count: number) => string[];
  isAboutAll: (words: string[], specs: string[]) => boolean;
  specsIn: (root: string, folder: string, ending: string) => string[];
}
const { groupSpecs, isAboutAll, specsIn } = (await import(
  join(process.cwd(), 'test', 'support', 'groups.js')
)) as Groups;

describe('Groups of specs', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
    mkdirSync(join(root, 'test', 'support'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (file: string, text: string): string => {
    writeFileSync(join(root, file), text);
    return file;
  };

  it('imports each spec once, in groups of about the same size', () => {
    for (let i = 1; i <= 7; i++) write(`test/${i}.spec.ts`, 'x'.repeat(i * 100));
    write('test/support/no-spec.ts', '');
    const groups = groupSpecs(root, 'some', specsIn(root, 'test', '.spec.ts'), 2);
    expect(groups).toEqual(['.cache/groups/some-1.ts', '.cache/groups/some-2.ts']);
    const imports = groups.map((group) =>
      [
        ...readFileSync(join(root, group), 'utf8').matchAll(
          /^import '..\/..\/test\/(\d).spec.ts';$/gm,
        ),
      ].map(([, number]) => Number(number)),
    );
    expect(imports.flat().sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const sums = imports.map((sizes) => sizes.reduce((a, b) => a + b));
    expect(Math.max(...sums)).toBeLessThanOrEqual(15);
  });

  it.each([
    "jest.unstable_mockModule('node:fs', () => ({}));",
    'jest.setTimeout(5000);',
    'beforeAll(() => open());',
    'afterEach(() => close());',
  ])('leaves out a spec with a statement for its whole file: %s', (line) => {
    const alone = write('test/a.spec.ts', `import 'b';\n${line}\n`);
    const member = write('test/b.spec.ts', `describe('b', () => {\n  ${line}\n});\n`);
    expect(groupSpecs(root, 'some', [alone, member], 1)).toEqual([
      '.cache/groups/some-1.ts',
      alone,
    ]);
  });

  it('leaves out a spec that resets all mocks', () => {
    const spec = write('test/a.spec.ts', "describe('a', () => {\n  jest.resetAllMocks();\n});\n");
    expect(groupSpecs(root, 'some', [spec], 1)).toContain(spec);
  });

  const specs = ['test/users/user-name.spec.ts', 'test/lists/lists.e2e-spec.ts'];
  it.each([
    ['', true],
    ['--maxWorkers 2 --json --outputFile=/tmp/results.json', true],
    ['--selectProjects unit sqlite', true],
    ['.cache/groups/sqlite-1.ts', true],
    ['test/[', true],
    ['test/lists', false],
    ['--selectProjects sqlite --testPathPatterns=LISTS', false],
    ['test/(keys|lists)', false],
    ['/a/project/test/lists/lists.e2e-spec.ts', false],
    ['test/users', false],
  ])('decides whether `jest %s` uses groups: %s', (line, used) => {
    expect(isAboutAll(line.split(' ').filter(Boolean), specs)).toBe(used);
  });
});
