/**
 * Brings a release of the template into a project that is built on it. See `--help`, and
 * docs/upgrading.md.
 *
 *     npm run upgrade -- v0.3.0
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findCommit, git, isAncestor, readAt, root, unmergedFiles } from './git.js';
import { keepOwnModules } from './own-modules.js';
import { changeBetween } from './started-project.js';

const USAGE = `Usage: npm run upgrade -- <release> [--from <release>]

Brings the changes between two releases of the template into this project, without a commit.
A release is a tag, such as v0.3.0, or any other commit.

Options:
  --from <release>   the release that the project has now, if package.json does not say`;

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {string[]} args */
function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { from: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(USAGE);
  if (positionals.length !== 1) throw new Error(USAGE);
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const next = findCommit(positionals[0]);
  const base = findBase(manifest, next, values.from);
  if (git('status', '--porcelain') !== '') {
    throw new Error(
      'There are uncommitted changes. Commit them first, so that you can undo the upgrade.',
    );
  }
  if (base === next) return console.log('The project has this release already.');
  bring(manifest, base, next);
  report(manifest, base, next);
}

/** The commit of the template that the project has now. */
function findBase({ template }, next, from) {
  if (from !== undefined) return findCommit(from);
  if (template) {
    const { commit, version } = template;
    return isAncestor(commit, next) ? commit : findCommit(`v${version}`);
  }
  const base = git('merge-base', 'HEAD', next, { mayFail: true });
  if (base === null) {
    throw new Error(
      'The history of the project does not contain the template. See "Without the history" in docs/upgrading.md.',
    );
  }
  return base;
}

/** Changes the working tree, possibly with conflicts. */
function bring(manifest, base, next) {
  // Keeps generated files as they are. The project may be older than the rules for them.
  const attributes = join(import.meta.dirname, '..', '..', '.gitattributes');
  const keepGenerated = [
    ...['-c', 'merge.generated.driver=true'],
    ...['-c', `core.attributesFile=${attributes}`],
  ];
  if (manifest.template) {
    const change = changeBetween(manifest, base, next);
    run(...keepGenerated, 'cherry-pick', '--no-commit', change);
    keepOwnModules(`${change}^`, change);
  } else {
    run(...keepGenerated, 'merge', '--no-commit', '--no-ff', next);
    keepOwnModules(base, next);
  }
}

/** Runs a command of Git that may end with conflicts. */
function run(...words) {
  const output = git(...words, { mayFail: true });
  if (output === null && unmergedFiles().length === 0) {
    throw new Error(`git ${words.join(' ')} failed. Undo what it did: git reset --merge`);
  }
}

function report(manifest, base, next) {
  const versionAt = (commit) => JSON.parse(readAt(commit, 'package.json')).version;
  const version = versionAt(next);
  const conflicts = unmergedFiles();
  const list = conflicts.map((path) => `\n  ${path}`).join('');
  console.log(`Brought the changes from ${versionAt(base)} to ${version} of the template into ${manifest.name}.
${stepsBetween(readAt(base, 'CHANGELOG.md'), readAt(next, 'CHANGELOG.md'))}
${conflicts.length === 0 ? 'There are no conflicts.' : `Resolve the conflicts, in files that both have changed:${list}`}

Next:
  git diff --cached                    shows what changed
  npm install                          installs the packages, and updates package-lock.json
  npm run openapi && npm run client    writes the generated documents again
  npm test
  git add --all && git commit -m "Upgrade to ${version} of the template"

To undo everything instead: git reset --merge`);
  if (conflicts.length > 0) process.exitCode = 1;
}

/** The sections "Upgrade" of the changelog that are new. */
function stepsBetween(before, after) {
  const sections = (text) => text.split(/^(?=## )/m).slice(1);
  const titles = sections(before).map((section) => section.split('\n')[0]);
  const steps = sections(after)
    .map((section) => [
      section.split('\n')[0],
      /^### Upgrade\n([^]*?)(?=^### |$(?![^]))/m.exec(section),
    ])
    .filter(([title, upgrade]) => upgrade && !titles.includes(title))
    .map(([title, upgrade]) => `\nSteps of ${title.slice(3)}:\n\n${upgrade[1].trim()}\n`);
  return steps.join('');
}
