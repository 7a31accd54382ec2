/**
 * Generates code.
 *
 *     npm run generate -- resource crews --owner --fields "name:string(1..80) size:integer(1..)"
 *     npm run generate -- migration add-crew-ranks
 *
 * The templates of a resource are in scripts/generate/templates/; change them as your own features
 * change.
 */
import { parseArgs } from 'node:util';
import { FIELD_SYNTAX } from './fields.js';
import { generateMigration } from './migration.js';
import { generateResource } from './resource.js';

const USAGE = `Usage: npm run generate -- resource <plural name> --fields "<fields>" [options]
       npm run generate -- migration <name>

A migration contains the differences between the entities and the existing migrations.

Options of a resource:
  --owner             each row belongs to the user who created it, and only that user sees it
  --public            anyone can read the rows; a change needs an access token
  --singular <name>   the name of one row, by default the plural without its last letter
  --skip-documents    does not write docs/openapi.json and the types of its client

Fields, separated by spaces:
  ${FIELD_SYNTAX}`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {string[]} args */
async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      fields: { type: 'string', default: '' },
      owner: { type: 'boolean', default: false },
      public: { type: 'boolean', default: false },
      singular: { type: 'string' },
      'skip-documents': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [kind, name, ...more] = positionals;
  if (values.help) return console.log(USAGE);
  if (name === undefined || more.length > 0) throw new Error(USAGE);
  if (kind === 'resource') return generateResource(name, values);
  if (kind === 'migration') return generateMigration(name);
  throw new Error(USAGE);
}
