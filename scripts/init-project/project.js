import { basename, dirname, join } from 'node:path';
import { dropMissingTests, forget, unlink } from './documents.js';
import {
  edit,
  exists,
  filesIn,
  formatChanges,
  git,
  npm,
  read,
  remove,
  withoutLines,
  write,
} from './files.js';
import { parts, template } from './parts.js';

/** The name of the package before it is a project of one's own. */
export const TEMPLATE = 'nest-rest-jwt';

const VERSION = '0.1.0';

/** The folder of the typed client, whose package is named after the project. */
const CLIENT = 'packages/client';
const clientOf = (name) => `${name}-client`;

/**
 * @param {object} choices
 * @param {string} choices.name of the package
 * @param {string} [choices.description]
 * @param {string[]} choices.kept the names of the parts that stay
 * @param {boolean} choices.skipDocuments whether generated files stay as they are
 */
export async function startProject({ name, description = 'A REST API', kept, skipDocuments }) {
  const { version: base } = JSON.parse(read('package.json'));
  const gone = Object.keys(parts).filter((part) => !kept.includes(part));
  const removed = [...gone.map((part) => parts[part]), template];
  // The template of the README goes with the other files of this command.
  const readme = read('scripts/init-project/README.md.template');

  console.log(
    `Starting ${name} from ${TEMPLATE} ${base}. To undo this: git reset --hard && git clean -fd`,
  );
  for (const part of removed) removePart(part);
  // Compiled migrations and tests of removed parts must not run.
  for (const folder of ['dist', '.cache', 'coverage']) remove(folder);
  updateMutationTests();
  updateDocuments(removed.map(({ words }) => words));
  writeReadme(readme, { name, description, base });
  write('CHANGELOG.md', changelog(base));
  const origin = {
    version: base,
    commit: git('rev-parse', 'HEAD').trim(),
    keep: keepOption(kept),
  };
  writePackage({ name, description, origin, removed });
  renameClient(name);
  await formatChanges();
  if (skipDocuments) return;
  console.log('Writing the OpenAPI document and the types of its client.');
  for (const script of ['build', 'openapi', 'client']) npm('run', '--silent', script);
  console.log(summary(kept, gone));
}

/** @param {import('./parts.js').Part} part */
function removePart({ paths, lines = {}, renames = [] }) {
  paths.forEach(remove);
  for (const [path, pattern] of Object.entries(lines)) {
    edit(path, (text) => withoutLines(text, pattern));
  }
  for (const [path, title] of renames) renameMigration(path, title);
}

/**
 * @param {string} path
 * @param {string} title such as `create-users`
 */
function renameMigration(path, title) {
  const [timestamp] = /^\d+/.exec(basename(path));
  const className = title.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
  const text = read(path).replace(/(?<=export class )\w+/, `${className}${timestamp}`);
  remove(path);
  write(`${dirname(path)}/${timestamp}-${title}.ts`, text);
}

/** Removes the targets of mutation tests that do not exist any more, and what is known about them. */
function updateMutationTests() {
  edit('mutate/targets.ts', (text) =>
    text
      .replace(/(?:, )?unit\('([^']+)'\)/g, (match, spec) =>
        exists(`test/${spec}.spec.ts`) ? match : '',
      )
      .replace(/^ {2}'([^']+)': \[(?:, )?(.*)\],\n/gm, (_, path, specs) =>
        exists(path) && specs !== '' ? `  '${path}': [${specs}],\n` : '',
      ),
  );
  edit('mutate/explained.json', (text) => {
    const explained = JSON.parse(text).filter(({ file }) => exists(file));
    return `${JSON.stringify(explained, null, 2)}\n`;
  });
}

/** @param {RegExp[]} words that pages contain only where they are about removed parts */
function updateDocuments(words) {
  const specs = filesIn('test', 'spec.ts');
  const readSpec = (name) => {
    const named = specs.filter((path) => basename(path).replace(/\.(e2e-)?spec\.ts$/, '') === name);
    return named.length === 0 ? undefined : named.map(read).join('\n');
  };
  const security = 'docs/security.md';
  // First without the tests, so that no sentence goes because of the name of a test.
  edit(security, (page) => dropMissingTests(page, readSpec));
  for (const path of filesIn('docs', '.md')) {
    // Decisions and measurements say what was the case at their time.
    const isRecord = /^docs\/(?:decisions\/|benchmarks\.md)/.test(path);
    edit(path, (page) => {
      const rest = isRecord ? page : words.reduce(forget, page);
      return unlink(rest, (target) => exists(join(dirname(path), target)));
    });
  }
  // Threats of which nothing is left but the title.
  edit(security, (page) => dropMissingTests(page, readSpec));
}

/** Writes the README of the project, with the list of the documents that are left. */
function writeReadme(text, { name, description, base }) {
  const [, documents] = /\n## Documentation\n\n((?:\|.*\n)+)/.exec(read('README.md'));
  const values = { name, description, base, documents: unlink(documents, exists).trim() };
  write(
    'README.md',
    text.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]),
  );
}

/** @param {string} base the version of the template */
function changelog(base) {
  return `# Changelog

The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## ${VERSION}

- Started from ${TEMPLATE} ${base}.
`;
}

/** @param {string[]} kept the names of the parts that stay */
function keepOption(kept) {
  return kept.length === Object.keys(parts).length ? 'all' : kept.join() || 'none';
}

/**
 * Changes package.json, which remembers where the project comes from for `npm run upgrade`, and
 * package-lock.json.
 */
function writePackage({ name, description, origin, removed }) {
  const manifest = {
    ...JSON.parse(read('package.json')),
    ...{ name, version: VERSION, description, template: origin },
  };
  for (const script of removed.flatMap(({ scripts = [] }) => scripts)) {
    delete manifest.scripts[script];
  }
  writeJson('package.json', manifest);
  const lock = JSON.parse(read('package-lock.json'));
  for (const each of [lock, lock.packages['']]) Object.assign(each, { name, version: VERSION });
  writeJson('package-lock.json', lock);
}

/**
 * Renames the package of the client, and its name in package-lock.json and in documents.
 *
 * @param {string} name of the project
 */
function renameClient(name) {
  const renamed = { name: clientOf(name), version: VERSION };
  const description = `A typed client of the API of ${name}`;
  writeJson(`${CLIENT}/package.json`, {
    ...JSON.parse(read(`${CLIENT}/package.json`)),
    ...{ ...renamed, description },
  });
  for (const path of [`${CLIENT}/README.md`, 'docs/client.md']) {
    edit(path, (text) => text.replaceAll(clientOf(TEMPLATE), renamed.name));
  }
  const lock = JSON.parse(read('package-lock.json'));
  const { [`node_modules/${clientOf(TEMPLATE)}`]: link, ...others } = lock.packages;
  Object.assign(others[CLIENT], renamed);
  lock.packages = { ...others, [`node_modules/${renamed.name}`]: link };
  writeJson('package-lock.json', lock);
}

/** @param {string} path */
function writeJson(path, value) {
  write(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Says what was done, and what comes next.
 *
 * @param {string[]} kept the names of parts
 * @param {string[]} gone the names of parts
 */
function summary(kept, gone) {
  const database = exists('data/app.sqlite')
    ? '\n  rm data/app.sqlite*    removes a database with the tables of the template'
    : '';
  return `
Kept: ${kept.join(', ') || 'none of the parts'}.
Removed: ${[...gone, 'this command'].join(', ')}.

Next:${database}
  git status             shows what changed
  npm test               runs the tests
  git add --all && git commit -m "Start the project"
  npm run generate -- resource <name> …    adds a resource; see docs/getting-started.md`;
}
