import { parseArgs } from 'node:util';
import { parts } from './parts.js';

export const USAGE = `Usage: npm run init-project -- <name> [options]

Makes this repository your own project: removes the parts that you do not keep, with their tests,
documents and migrations, renames the package, and starts its history at version 0.1.0.

Options:
  --keep <parts>         all, none, or a list such as ships,demo; without it, the command asks
  --description <text>   the description of the project
  --skip-documents       does not write docs/openapi.json, docs/access.md, the types of the client and
                         package-lock.json; npm run upgrade uses it

Parts:
${Object.entries(parts)
  .map(([name, { about }]) => `  ${name.padEnd(22)} ${about}`)
  .join('\n')}`;

/** The rules of npm: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const MAX_NAME_LENGTH = 214;
const RESERVED_NAMES = ['node_modules', 'favicon.ico'];

/**
 * @param {string[]} args of the command line
 * @returns {{ help: boolean, name: string, keep: string[] | undefined,
 *   description: string | undefined, skipDocuments: boolean }} `keep` is undefined without `--keep`
 */
export function parseChoices(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      keep: { type: 'string' },
      description: { type: 'string' },
      'skip-documents': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { help, description, 'skip-documents': skipDocuments } = values;
  const [name, ...more] = positionals;
  if (help) return { help, name: '', keep: undefined, description, skipDocuments };
  if (name === undefined) throw new Error(`Name the project.\n\n${USAGE}`);
  if (more.length > 0) throw new Error(USAGE);
  requirePackageName(name);
  const keep = values.keep === undefined ? undefined : parseParts(values.keep);
  return { help, name, keep, description, skipDocuments };
}

/** @param {string} name */
function requirePackageName(name) {
  if (NAME.test(name) && name.length <= MAX_NAME_LENGTH && !RESERVED_NAMES.includes(name)) return;
  throw new Error(
    `${name} is not a name of a package: use lower-case letters, digits and hyphens, such as my-backend.`,
  );
}

/**
 * @param {string} text such as `ships,demo`, `all` or `none`
 * @returns {string[]} the names of the parts
 */
function parseParts(text) {
  const known = Object.keys(parts);
  if (text === 'all') return known;
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`"${unknown}" is not a part: use all, none, or some of ${known.join(', ')}.`);
  }
  for (const name of names) {
    const missing = (parts[name].needs ?? []).find((other) => !names.includes(other));
    if (missing) throw new Error(`${name} needs ${missing}: keep both or neither.`);
  }
  return known.filter((name) => names.includes(name));
}
