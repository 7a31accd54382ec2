import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../../support/children.js';
import { commitAll, copyRepository, gitAuthor } from '../../../../support/repository-copy.js';

// Builds take up to a minute on a busy machine.
jest.setTimeout(600_000);

const NEXT = '99.0.0';
const env = { ...process.env, ...gitAuthor, NODE_ENV: undefined };

/** A repository in a folder. */
class Repository {
  constructor(readonly folder: string) {}

  static async clone(from: Repository): Promise<Repository> {
    const folder = mkdtempSync(join(tmpdir(), 'upgrade-'));
    await run(folder, 'git', 'clone', '--quiet', from.folder, '.');
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, '.git/info/exclude'), 'node_modules\n');
    return new Repository(folder);
  }

  read = (path: string) => readFileSync(join(this.folder, path), 'utf8');
  has = (path: string) => existsSync(join(this.folder, path));

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Replaces the only occurrence of a text. */
  edit(path: string, from: string, to: string): void {
    const text = this.read(path);
    expect([path, from, text.split(from).length - 1]).toEqual([path, from, 1]);
    this.write(
      path,
      text.replace(from, () => to),
    );
  }

  run = (...command: string[]) => run(this.folder, ...command);
  git = (...words: string[]) => this.run('git', ...words);
  node = (...words: string[]) => this.run(process.execPath, ...words);
  try = (...command: string[]) =>
    runChild(command[0]!, command.slice(1), { cwd: this.folder, env });
  upgrade = () => this.try(process.execPath, 'scripts/upgrade/upgrade.js', `v${NEXT}`);

  async commit(message: string): Promise<void> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', message);
  }

  async conflicts(): Promise<string[]> {
    const output = await this.git('diff', '--name-only', '--diff-filter=U');
    return output.split('\n').filter(Boolean);
  }

  remove = () => rmSync(this.folder, { recursive: true });
}

/** Runs a command, and returns its output. */
async function run(cwd: string, ...[command = '', ...words]: string[]): Promise<string> {
  const { status, stdout, output } = await runChild(command, words, { cwd, env });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')} failed:\n${output}`);
  return stdout;
}

const CONTROLLER = `import { Controller, Get } from '@nestjs/common';

/** News of the engine, in the next release. */
@Controller('api/news')
export class NewsController {
  @Get()
  list(): void {}
}
`;

const MODULE = `import { Module } from '@nestjs/common';
import { NewsController } from './news.controller.js';

@Module({ controllers: [NewsController] })
export class NewsModule {}
`;

const migration = (timestamp: number) => `import {
  type MigrationInterface,
  type QueryRunner,
  Table,
} from 'typeorm';

export class CreateNews${timestamp} implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({ name: 'news', columns: [{ name: 'id', type: 'integer', isPrimary: true }] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('news');
  }
}
`;

/** Changes what releases change: the engine, examples, documents, generated files, versions. */
async function release(template: Repository, version: string): Promise<void> {
  template.write('src/news/news.controller.ts', CONTROLLER);
  template.write('src/news/news.module.ts', MODULE);
  template.edit(
    'src/app.module.ts',
    '\nexport type Imports',
    "import { NewsModule } from './news/news.module.js';\n\nexport type Imports",
  );
  template.edit(
    'src/app.module.ts',
    '        HomeModule,\n',
    '        NewsModule,\n        HomeModule,\n',
  );
  template.edit('src/app.module.ts', 'bookstore.enabled ?', 'bookstore.enabled === true ?');
  template.edit(
    'src/http/links.ts',
    'import type { Fastify',
    '// Changed by the release.\nimport type { Fastify',
  );
  template.edit('src/config/app-config.ts', "'PORT', 3000, 0, 65_535", "'PORT', 3001, 0, 65_535");
  // After the migrations of the last release, but before those of the project.
  const stamps = readdirSync(join(template.folder, 'migrations')).map(
    (file) => parseInt(file) || 0,
  );
  const timestamp = Math.max(...stamps) + 1;
  template.write(`migrations/${timestamp}-create-news.ts`, migration(timestamp));
  // Examples and their documents, which a project may have removed.
  for (const name of ['book', 'ship']) {
    const path = `src/${name}s/${name}s.service.ts`;
    template.write(path, `// Changed by the release.\n${template.read(path)}`);
  }
  template.edit('docs/lists.md', 'Ships have more fields:', 'Ships have some more fields:');
  template.edit('docs/lists.md', 'A list, such as', 'Any list, such as');
  template.edit('README.md', 'pages, sorting, filters   ', 'pages, sorting and filters');
  // Generated files.
  template.edit('docs/openapi.json', '"/api/users": {', '"/api/news": {},\n    "/api/users": {');
  template.edit(
    'docs/access.md',
    '| `GET /api/users`                 |',
    '| `GET /api/news`                  | access       | yes  | yes     |\n| `GET /api/users`                 |',
  );
  template.edit(
    'packages/client/src/api-types.ts',
    "'/api/users': {".replaceAll("'", '"'),
    '"/api/news": {};\n    "/api/users": {',
  );
  for (const path of ['package.json', 'package-lock.json']) {
    const text = template.read(path);
    template.write(path, text.replace(`"version": "${version}"`, `"version": "${NEXT}"`));
  }
  template.edit(
    'CHANGELOG.md',
    `## ${version}\n`,
    `## ${NEXT}\n\n### Added\n\n- News.\n\n### Upgrade\n\n- Read the news.\n\n## ${version}\n`,
  );
  await template.commit(`Release ${NEXT}`);
  await template.git('tag', `v${NEXT}`);
}

/** Edits the settings as a project does. */
function addSetting(project: Repository): void {
  project.edit(
    'src/config/app-config.ts',
    '    this.warnings = read.finish();',
    "    this.reportFolder = read.text('REPORT_FOLDER') ?? 'reports';\n    this.warnings = read.finish();",
  );
  project.edit(
    'src/config/app-config.ts',
    '  /** Problems that do not prevent the start. */',
    '  /** The folder of reports. */\n  readonly reportFolder: string;\n  /** Problems that do not prevent the start. */',
  );
  project.edit('.env.example', '# LOG_LEVEL=info', '# LOG_LEVEL=info\n# REPORT_FOLDER=reports');
}

/** The modules of users and of features. */
function modulesOf(project: Repository): string[] {
  const lines = project.read('src/app.module.ts').match(/(?<=^ {8})\S.*(?=,$)/gm)!;
  return lines.slice(lines.indexOf('UsersModule'), lines.indexOf('HomeModule'));
}

const generate = (project: Repository, ...options: string[]) =>
  project.node(
    ...['scripts/generate/generate.js', 'resource', 'tasks', '--owner'],
    ...['--fields', 'title:string(1..80) due:date?', ...options],
  );

describe('npm run upgrade', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  let template: Repository;
  const projects: Repository[] = [];
  let started: Repository;

  /** A clone of the present release, which learns of the next one after `work`. */
  const newProject = async (work: (project: Repository) => Promise<void>): Promise<Repository> => {
    const project = await Repository.clone(template);
    projects.push(project);
    await project.git('reset', '--quiet', '--hard', `v${version}`);
    await work(project);
    return project;
  };
  const start = (project: Repository, keep: string) =>
    project.node(
      ...['scripts/init-project/init-project.js', 'my-backend', '--keep', keep],
      '--skip-documents',
    );

  beforeAll(async () => {
    template = new Repository(copyRepository());
    await commitAll(template.folder);
    await template.git('tag', `v${version}`);
    await release(template, version);
    started = await newProject(async (project) => {
      await start(project, 'ships');
      await project.commit('Start the project');
      await generate(project);
      addSetting(project);
      await project.commit('Add tasks');
      await project.node('dist/scripts/migration.js', 'run');
    });
  });
  afterAll(() => {
    for (const each of [template, ...projects]) each.remove();
  });

  it('brings a release into a project with a resource and a setting without a conflict', async () => {
    const { status, output } = await started.upgrade();
    expect(output).toContain(`Brought the changes from ${version} to ${NEXT}`);
    expect(output).toContain('- Read the news.');
    expect(output).toContain('There are no conflicts.');
    expect([status, await started.conflicts()]).toEqual([0, []]);
    // What the release changes, also next to what the project has changed.
    expect(started.read('src/http/links.ts')).toContain('Changed by the release.');
    expect(started.read('src/ships/ships.service.ts')).toContain('Changed by the release.');
    expect(started.read('src/config/app-config.ts')).toContain("'PORT', 3001");
    expect(started.read('docs/lists.md')).toMatch(/Any list[^]+some more fields/);
    expect(started.read('README.md')).toContain('pages, sorting and filters');
    expect(started.read('README.md')).toContain(`based on nest-rest-jwt ${NEXT}`);
    // What belongs to the project.
    expect(modulesOf(started)).toEqual(['UsersModule', 'ShipsModule', 'NewsModule', 'TasksModule']);
    expect(started.read('src/config/app-config.ts')).toContain('REPORT_FOLDER');
    expect(started.has('src/books')).toBe(false);
    expect(started.read('CHANGELOG.md')).not.toContain('News');
    expect(JSON.parse(started.read('package.json'))).toMatchObject({
      ...{ name: 'my-backend', version: '0.1.0' },
      template: { version: NEXT, keep: 'ships' },
    });
  });

  it('leaves a project that compiles, writes its documents and runs the new migration', async () => {
    await started.run('npm', 'run', '--silent', 'openapi');
    await started.run('npm', 'run', '--silent', 'client');
    for (const path of [
      'docs/openapi.json',
      'docs/access.md',
      'packages/client/src/api-types.ts',
    ]) {
      const text = started.read(path);
      expect(text).toContain('/api/news');
      expect(text).toContain('/api/tasks');
      expect(text).not.toContain('/api/books');
    }
    expect(await started.node('node_modules/typescript/bin/tsc', '--noEmit')).toBe('');
    const migrated = await started.node('dist/scripts/migration.js', 'run');
    expect(migrated).toMatch(/CreateNews\d+/);
    await started.commit('Upgrade');
    const again = await started.upgrade();
    expect([again.status, again.output]).toEqual([0, 'The project has this release already.\n']);
  });

  it('names only the files that the project and the release have changed in the same place', async () => {
    const project = await newProject(async (each) => {
      await start(each, 'none');
      each.edit(
        'src/http/links.ts',
        'import type { Fastify',
        '// Changed by the project.\nimport type { Fastify',
      );
      await each.commit('Start the project');
    });
    const { status, output } = await project.upgrade();
    expect(output).toMatch(/changed:\n {2}src\/http\/links\.ts\n\n/);
    expect([status, await project.conflicts()]).toEqual([1, ['src/http/links.ts']]);
    await project.git('reset', '--merge');
    expect(await project.git('status', '--porcelain')).toBe('');
  });

  it('merges a release into a clone that keeps the examples and the history', async () => {
    const project = await newProject(async (each) => {
      await generate(each, '--skip-documents');
      addSetting(each);
      for (const path of ['docs/openapi.json', 'packages/client/src/api-types.ts']) {
        each.write(
          path,
          each.read(path).replace('"/api/users": {', '"/api/tasks": {},\n"/api/users": {'),
        );
      }
      await each.commit('Add tasks');
    });
    const { status, output } = await project.upgrade();
    expect(output).toContain('There are no conflicts.');
    expect([status, await project.conflicts()]).toEqual([0, []]);
    await project.commit('Upgrade');
    expect(await project.git('merge-base', 'HEAD', `v${NEXT}`)).toBe(
      await project.git('rev-parse', `v${NEXT}`),
    );
    expect(modulesOf(project)).toEqual([
      ...['UsersModule', 'ShipsModule', 'BooksModule'],
      '...(config.bookstore.enabled === true ? [BookstoreModule] : [])',
      ...['NewsModule', 'TasksModule'],
    ]);
  });

  it('refuses an unknown release, and a working tree with changes', async () => {
    const project = await newProject(async () => undefined);
    const unknown = await project.try(process.execPath, 'scripts/upgrade/upgrade.js', 'v98.0.0');
    expect(unknown.output).toMatch(/^There is no v98\.0\.0 in this repository\./);
    project.write('README.md', 'changed');
    const { status, output } = await project.upgrade();
    expect([status, output]).toEqual([1, expect.stringMatching(/^There are uncommitted changes/)]);
  });
});
