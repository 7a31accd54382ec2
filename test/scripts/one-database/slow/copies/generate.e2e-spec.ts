import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../../support/children.js';
import { copyRepository } from '../../../../support/repository-copy.js';

// Compiling and linting the copy takes a minute on a busy machine.
jest.setTimeout(900_000);

const CREWS = 'name:string(1..80) captain:string? size:integer(1..) launched:date?';
const STAR_MAPS =
  'title:string(1..) sector_code:string(3..3)? scale:integer(0..9000000000000)? is_secret:boolean tags:strings';

/** A new column of an existing entity. */
const RANK = `  @Column({ type: 'varchar', length: 20, nullable: true, collation: 'C' })
  rank?: string | null;
`;

/** A new entity. */
const PILOT = `@Entity('pilots')
@Index('pilots_name_key', ['name'], { unique: true })
export class Pilot {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column({ type: 'varchar', length: 80, collation: 'C' })
  name: string;

  @Column('boolean', { default: false })
  retired: boolean;

  @Column('integer', { default: 3 })
  age: number;
}
`;

describe('npm run generate', () => {
  let folder: string;

  beforeAll(() => {
    folder = copyRepository();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...command: string[]) =>
    runChild(process.execPath, command, { cwd: folder, env: process.env });
  const generate = (...words: string[]) => run('scripts/generate/generate.js', ...words);
  const jestRun = (...patterns: string[]) =>
    run(
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'],
      ...patterns,
    );
  const edit = (path: string, change: (text: string) => string) =>
    writeFileSync(join(folder, path), change(readFileSync(join(folder, path), 'utf8')));
  const tool = (path: string, ...words: string[]) => run(`node_modules/${path}`, ...words);

  it.each([
    ['no name', ['resource', '--fields', CREWS], 'Usage: npm run generate'],
    ['no field', ['resource', 'crews'], 'A resource needs at least one field.'],
    ['a name with capitals', ['resource', 'Crews', '--fields', CREWS], 'Crews is not a name'],
    ['a plural without an s', ['resource', 'sheep', '--fields', CREWS], '--singular <name>'],
    ['an unknown type', ['resource', 'crews', '--fields', 'size:int'], 'size:int is not a field'],
    ['a reserved name', ['resource', 'crews', '--fields', 'id:integer'], 'id cannot be the name'],
    ['a field twice', ['resource', 'crews', '--fields', 'a:date a:date'], 'a is given twice'],
    [
      'bounds of a date',
      ['resource', 'crews', '--fields', 'a:date(1..)'],
      'only string and integer',
    ],
    ['a minimum above its maximum', ['resource', 'crews', '--fields', 'a:string(3..2)'], 'minimum'],
    ['--owner and --public', ['resource', 'crews', '--owner', '--public'], 'exclude each other'],
    ['a resource of the tests', ['resource', 'crates', '--fields', CREWS], 'The tests have'],
    ['an existing resource', ['resource', 'users', '--fields', CREWS], 'exist already'],
  ])('refuses %s, and writes nothing', async (_, words, message) => {
    const before = readFileSync(join(folder, 'src/app.module.ts'), 'utf8');
    const { status, stderr, stdout } = await generate(...words);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(readFileSync(join(folder, 'src/app.module.ts'), 'utf8')).toBe(before);
  });

  it('generates resources that pass format, types, lint and their tests without an edit', async () => {
    const owned = await generate(
      'resource',
      'crews',
      '--owner',
      '--fields',
      CREWS,
      '--skip-documents',
    );
    expect(owned.status).toBe(0);
    const written = owned.stdout.match(/(?<=^(?:created|changed) ).+$/gm)!;
    expect(written.map((path) => path.replace(/\d{13}/, '<timestamp>')).sort()).toEqual([
      'migrations/<timestamp>-create-crews.ts',
      'src/app.module.ts',
      'src/crews/crew-fields.ts',
      'src/crews/crew.entity.ts',
      'src/crews/crew.repository.ts',
      'src/crews/crews.controller.ts',
      'src/crews/crews.module.ts',
      'src/crews/crews.service.ts',
      'src/crews/dto/crew-body.dto.ts',
      'src/crews/dto/crew-response.dto.ts',
      'test/crews/crews.controller.spec.ts',
      'test/crews/crews.e2e-spec.ts',
      'test/crews/crews.service.spec.ts',
    ]);
    const open = await generate('resource', 'star-maps', '--public', '--fields', STAR_MAPS);
    expect([open.status, open.stderr]).toEqual([0, '']);
    expect(open.stdout).toContain('created test/star-maps/open-routes.json');

    const format = await tool('prettier/bin/prettier.cjs', '--check', '.');
    expect(format.output).toContain('All matched files use Prettier code style!');
    const types = await tool('typescript/bin/tsc', '--noEmit');
    expect([types.status, types.output]).toEqual([0, '']);
    const generated = ['crews', 'star-maps'].flatMap((name) => [`src/${name}`, `test/${name}`]);
    const lint = await tool(
      'eslint/bin/eslint.js',
      ...generated,
      'src/app.module.ts',
      'migrations',
    );
    expect([lint.status, lint.output]).toEqual([0, '']);
    const tests = await jestRun(
      ...['crews', 'star-maps', 'access/one-database/routes', 'openapi/one-database/openapi'],
      'test/database/database.e2e',
    );
    expect([tests.status, tests.output]).toEqual([
      0,
      expect.stringMatching(/^Tests: +\d+ passed/m),
    ]);
  });

  it('writes a migration for changed entities, which runs and reverts on both databases', async () => {
    const nothing = await generate('migration', 'nothing');
    expect(nothing.output).toBe('The migrations create all that entities declare.\n');
    const entity = 'src/star-maps/star-map.entity.ts';
    const before = readFileSync(join(folder, entity), 'utf8');
    edit(entity, (text) => text.replace(/}\n$/, "\n  @Column('boolean') pinned?: boolean;\n}\n"));
    const refused = await generate('migration', 'add-pinned');
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining(
        'star_maps.pinned: the rows of the table need a value for a new column.',
      ),
    ]);
    edit(entity, () => before);
    edit(entity, (text) =>
      text
        .replace('import { Column,', 'import { Index, Column,')
        .replace("@Column({ type: 'boolean'", "@Index('star_maps_is_secret_idx')\n  $&")
        .replace(/}\n$/, `\n${RANK}}\n\n${PILOT}`),
    );
    const { status, stdout } = await generate('migration', 'add-pilots');
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/^created migrations\/\d{13}-add-pilots\.ts$/m),
    ]);
    expect((await generate('migration', 'again')).output).toBe(nothing.output);
    const [, path = ''] = /created (\S+)/.exec(stdout)!;
    const lint = await tool('eslint/bin/eslint.js', path);
    expect([lint.status, lint.output]).toEqual([0, '']);
    const format = await tool('prettier/bin/prettier.cjs', '--check', path);
    expect(format.status).toBe(0);
    const tests = await jestRun('test/database/migrations.e2e', 'star-maps');
    expect([tests.status, tests.output]).toEqual([
      0,
      expect.stringMatching(/^Tests: +\d+ passed/m),
    ]);
  });
});
