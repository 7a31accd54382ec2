import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { chosen } from '../../../../mutate/chosen.js';
import { readExplained, staleAmong } from '../../../../mutate/explained.js';
import { mutantsOf } from '../../../../mutate/generate.js';
import { applied, keyOf } from '../../../../mutate/mutant.js';
import { randomFrom, shuffled } from '../../../../mutate/random.js';
import { targets } from '../../../../mutate/targets.js';
import { TypeCheck } from '../../../../mutate/type-check.js';

const linesOf = (text: string) => mutantsOf('src/x.ts', text).map(({ to }) => to);

describe('Mutation testing', () => {
  it.each([
    ['if (a) b();', ['if (true) b();', 'if (false) b();', 'if (a) ;']],
    ['x = a && !b;', [';', 'x = a || !b;', 'x = (a);', 'x = (!b);', 'x = a && b;']],
    ['x = a === 1;', [';', 'x = a !== 1;', 'x = a === 2;']],
    ['x = a < b;', [';', 'x = a <= b;']],
    ['x = a >= b ? c : d;', [';', 'x = a > b ? c : d;', 'x = (c);', 'x = (d);']],
    ['await this.x.revoke();', [';']],
    ['x = await f(a);', [';', 'x = f(a);', 'x = await a;']],
    [
      'x = { ...a, b: true };',
      [';', 'x = { b: true };', 'x = { ...a, };', 'x = { ...a, b: false };'],
    ],
    ['x = [a, b];', [';', 'x = [ b];', 'x = [a, ];']],
    ['x = nfc(a).toLowerCase();', [';', 'x = nfc(a);', 'x = a.toLowerCase();']],
    ['x = a.some(b);', [';', 'x = a.every(b);']],
    ['x = /^a$/i;', [';', 'x = /a$/i;', 'x = /^a/i;', 'x = /^a$/;']],
    ["x = 'a';", [';', "x = '';"]],
    ["throw new ApiError('a');", [';']],
    ["this.logger.warn('a');", []],
    ["import { a } from 'b';", []],
    ["type A = 'a' | 1;", []],
    ['@Get(1) class A {}', []],
  ])('generates the expected mutants of %s', (source, lines) => {
    expect(linesOf(source).sort()).toEqual([...lines].sort());
  });

  it('names the line and the function of a mutant', () => {
    const source = 'class A {\n  b() {\n    return true;\n  }\n}\n';
    const [mutant] = mutantsOf('src/x.ts', source);
    expect(mutant).toMatchObject({
      line: 3,
      within: 'A.b',
      from: 'return true;',
      to: 'return false;',
    });
    expect(applied(mutant!, source)).toBe(source.replace('true', 'false'));
  });

  it('distinguishes mutants that compile from those that do not', () => {
    const check = new TypeCheck(process.cwd());
    const file = 'src/tokens/token-part.ts';
    const source = readFileSync(file, 'utf8');
    expect(check.compiles(file, source)).toBe(true);
    expect(check.compiles(file, source.replace('return value;', 'return text;'))).toBe(false);
    expect(check.compiles(file, source.replace('return value;', 'return {};'))).toBe(true);
  }, 120_000);

  it('draws mutants in the same order for the same seed', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const drawn = shuffled(items, randomFrom(1));
    expect(shuffled(items, randomFrom(1))).toEqual(drawn);
    expect(shuffled(items, randomFrom(2))).not.toEqual(drawn);
    expect([...drawn].sort((a, b) => a - b)).toEqual(items);
  });

  it('chooses the mutants of one line of a file', () => {
    const text = 'a = true;\nb();\nc = 1;\n';
    const all = ['src/x.ts', 'src/y.ts'].flatMap((file) => mutantsOf(file, text));
    const linesChosen = (...places: string[]) =>
      [...chosen(all, places, null)].map(([file, mutants]) => [
        file,
        mutants.map(({ line }) => line),
      ]);
    expect(linesChosen('src/x.ts')).toEqual([['src/x.ts', [1, 1, 2, 3, 3]]]);
    expect(linesChosen('src/x.ts:1', 'src/y.ts:2', 'src/x.ts:3')).toEqual([
      ['src/x.ts', [1, 1, 3, 3]],
      ['src/y.ts', [2]],
    ]);
    expect([...chosen(all, [], null).keys()]).toEqual(Object.keys(targets));
  });

  it('has only targets whose files and specs exist', () => {
    for (const [file, specs] of Object.entries(targets)) {
      expect([file, ...specs].filter((path) => !existsSync(path))).toEqual([]);
      expect(specs.length).toBeGreaterThan(0);
    }
  });
});

describe('The explained survivors', () => {
  const mutants = Object.keys(targets).flatMap((file) =>
    mutantsOf(file, readFileSync(file, 'utf8')),
  );

  it('explains only mutants of the current source', () => {
    expect(staleAmong(readExplained(process.cwd()), mutants)).toEqual([]);
  });

  it('explains each survivor once, in a sentence', () => {
    const explained = readExplained(process.cwd());
    for (const { reason } of explained) expect(reason).toMatch(/^.{20,}\.$/);
    expect(new Set(explained.map(keyOf)).size).toBe(explained.length);
  });

  it('finds explanations that are stale after a change of the source', () => {
    const [mutant] = mutants;
    const entry = { ...mutant!, reason: 'It is the first one.' };
    expect(staleAmong([entry], mutants)).toEqual([]);
    expect(staleAmong([{ ...entry, to: 'something else' }], mutants)).toHaveLength(1);
  });
});
