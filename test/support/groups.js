import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Where the groups are written. Git, the linter and Prettier ignore the folder. */
const GROUPS = '.cache/groups';

/** Matches calls outside `describe` and on all mocks, which would affect other specs of a group. */
const FOR_WHOLE_FILE = /^(jest\.\w+|(before|after)(All|Each))\(|jest\.(clear|reset)AllMocks\(/m;

/**
 * Spreads specs over groups of about the same size, and writes a file for each group that imports its
 * specs. Jest evaluates the application and its packages anew for every file, which takes longer than
 * the tests of most specs do. See docs/decisions/0025-groups-of-specs.md.
 *
 * @param {string} root the folder of the project
 * @param {string} name of the groups
 * @param {string[]} specs paths below the root
 * @param {number} count of groups
 * @returns {string[]} the paths of the groups, and of the specs that have to run alone
 */
export function groupSpecs(root, name, specs, count) {
  const groups = Array.from({ length: count }, () => ({ bytes: 0, specs: [] }));
  const alone = [];
  const sized = specs.map((spec) => ({ spec, bytes: statSync(join(root, spec)).size }));
  for (const { spec, bytes } of sized.sort((a, b) => b.bytes - a.bytes)) {
    if (FOR_WHOLE_FILE.test(readFileSync(join(root, spec), 'utf8'))) alone.push(spec);
    else {
      const smallest = groups.reduce((a, b) => (b.bytes < a.bytes ? b : a));
      smallest.bytes += bytes;
      smallest.specs.push(spec);
    }
  }
  const folder = join(root, GROUPS);
  mkdirSync(folder, { recursive: true });
  const files = groups.map(({ specs: members }, i) => {
    const file = join(folder, `${name}-${i + 1}.ts`);
    const lines = members.sort().map((spec) => `import '${relative(folder, join(root, spec))}';\n`);
    writeFileSync(file, lines.join(''));
    return `${GROUPS}/${name}-${i + 1}.ts`;
  });
  return [...files, ...alone];
}

/** Matches an option, a project or a number of workers. */
const OPTION = /^(-.*|unit|sqlite|postgres|\d{1,3}%?)$/;

/**
 * Whether none of the words of a command line names a spec. A word that only looks like the name of
 * a spec, such as the value of an option, makes the run slower and nothing else.
 *
 * @param {string[]} words after `jest`
 * @param {string[]} specs paths below the root
 */
export function isAboutAll(words, specs) {
  return words
    .map((word) => word.replace(/^--\w+=/, ''))
    .filter((word) => !OPTION.test(word))
    .every((word) => !specs.some((spec) => matches(word, spec)));
}

/** Jest treats a word as a regular expression or as a path. */
function matches(word, spec) {
  try {
    return word.endsWith(spec) || new RegExp(word, 'i').test(spec);
  } catch {
    return false;
  }
}

/** @returns {string[]} paths below the root of the files with this ending, sorted */
export function specsIn(root, folder, ending) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort();
}
