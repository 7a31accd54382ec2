import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pascalCase } from './fields.js';
import { nextTimestamp, npmRun, pretty, requireName, root, write } from './files.js';

/**
 * Writes a migration for the differences between the entities and the schema that all migrations
 * create. It uses TypeORM's schema API, and runs on both databases.
 *
 * @param {string} name such as `add-crew-ranks`
 */
export async function generateMigration(name) {
  requireName(name);
  npmRun('build');
  const output = execFileSync(process.execPath, ['dist/scripts/schema-changes.js'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const changes = JSON.parse(output);
  if (changes.up.length === 0)
    return console.log('The migrations create all that entities declare.');
  const timestamp = nextTimestamp();
  const path = join('migrations', `${timestamp}-${name}.ts`).replaceAll('\\', '/');
  write([[path, await pretty(path, codeOf(pascalCase(name) + timestamp, changes))]]);
  console.log('\nRead the migration, and run: npm test -- database/database migrations');
}

/**
 * @param {string} className
 * @param {{ up: string[], down: string[] }} changes
 */
function codeOf(className, { up, down }) {
  const code = [...up, ...down].join('\n');
  const uses = (/** @type {string[]} */ names) =>
    names.filter((name) => new RegExp(`\\b${name}\\b`).test(code)).join(', ');
  const values = uses(['Table', 'TableColumn', 'TableIndex']);
  const helpers = uses(['createSortIndexes', 'dropSortIndexes']);
  return `import { type MigrationInterface, type QueryRunner, ${values} } from 'typeorm';
${helpers && `import { ${helpers} } from './sort-indexes.js';`}

export class ${className} implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    ${bodyOf(up)}
  }

  async down(runner: QueryRunner): Promise<void> {
    ${bodyOf(down)}
  }
}
`;
}

/** @param {string[]} statements */
function bodyOf(statements) {
  const code = statements.join('\n');
  const isPostgres = "runner.connection.options.type === 'postgres'";
  return [
    ...(/\bisPostgres\b/.test(code) ? [`const isPostgres = ${isPostgres};`] : []),
    ...(/\.\.\.collation\b/.test(code)
      ? [
          '// Makes both databases sort texts by code points.',
          `const collation = ${isPostgres} ? { collation: 'C' } : {};`,
        ]
      : []),
    code,
  ].join('\n');
}
