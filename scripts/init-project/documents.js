/**
 * Removes what a page says about removed parts: table rows, code blocks, lines of diagrams, and
 * sections, list items and paragraphs, or those of their sentences that contain a word.
 *
 * @param {string} page in Markdown
 * @param {RegExp} words
 */
export function forget(page, words) {
  const kept = [];
  /** The level of the heading whose section is skipped. */
  let skipped = Infinity;
  for (const block of blocksOf(page)) {
    const level = /^(#+) /.exec(block)?.[1].length;
    if (level !== undefined && level <= skipped) skipped = words.test(block) ? level : Infinity;
    if (skipped < Infinity) continue;
    const text = forgetInBlock(block, words);
    if (text !== null) kept.push(text);
  }
  return kept
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/\n*$/, '\n');
}

const BLOCK =
  /^```[^]*?^```$|^\|.*(?:\n\|.*)*|^ *(?:-|\d+\.) .+(?:\n +(?!(?:-|\d+\.) )\S.*)*|^#+ .*|^.+(?:\n(?!```|\||#| *(?:-|\d+\.) ).+)*|^$/gm;

/** Splits a page into code blocks, tables, list items, headings, paragraphs and empty lines. */
function blocksOf(page) {
  return page.match(BLOCK) ?? [];
}

/** @returns the rest of the block, or null if nothing is left */
function forgetInBlock(block, words) {
  if (!words.test(block)) return block;
  if (block.startsWith('|') || block.startsWith('```mermaid')) {
    const lines = block.split('\n').filter((line) => !words.test(line));
    return lines.length > 2 ? lines.join('\n') : null;
  }
  if (block.startsWith('```')) return null;
  const [, start, text] = /^( *(?:- |\d+\. )?)([^]*)$/.exec(block);
  const all = text.split(SENTENCE_END);
  const sentences = all.filter((sentence) => !words.test(sentence));
  // The first sentence of a list item names what the item is about.
  if (sentences.length === 0 || (start.trim() !== '' && sentences[0] !== all[0])) return null;
  const rest = start + sentences.join(' ');
  return block.includes('\n') ? wrap(rest, ' '.repeat(start.length)) : rest;
}

const SENTENCE_END = /(?<=[.!?][)*_”]*)\s+(?=["“(*_[`A-Z])/;

/** The width of the lines of hard-wrapped pages. */
const WIDTH = 100;

/** @param {string} indent of all lines after the first */
function wrap(text, indent) {
  const lines = [''];
  for (const word of text.trimStart().split(/\s+/)) {
    const line = lines.at(-1);
    if (line === '' || line === indent) lines[lines.length - 1] += word;
    else if (line.length + 1 + word.length > WIDTH) lines.push(indent + word);
    else lines[lines.length - 1] += ` ${word}`;
  }
  return /^ */.exec(text)[0] + lines.join('\n');
}

/**
 * Removes table rows and list items that begin with a link to a missing page, and turns other links
 * to it into plain text.
 *
 * @param {string} page
 * @param {(target: string) => boolean} exists whether there is a file at a relative address
 */
export function unlink(page, exists) {
  const isMissing = (target) => !/^(?:\w+:|#)/.test(target) && !exists(target.replace(/#.*/, ''));
  return page
    .replace(/^(?:\| *|- )\[[^\]]*\]\(([^)]+)\).*\n/gm, (line, target) =>
      isMissing(target) ? '' : line,
    )
    .replace(/!?\[([^\]]*)\]\(([^)]+)\)/g, (link, text, target) =>
      isMissing(target) ? text : link,
    );
}

/**
 * Removes from docs/security.md the tests that do not exist any more, and the threats of which no
 * test is left.
 *
 * @param {string} page
 * @param {(spec: string) => string | undefined} readSpec returns the text of the specs of a name
 */
export function dropMissingTests(page, readSpec) {
  return page
    .replace(/^(\*\*.+?\.\*\*)(.*)\n\nTests:\n\n((?:- .+\n)*)\n?/gm, (_, title, text, list) => {
      const items = list
        .trimEnd()
        .split('\n')
        .map((item) => withoutMissing(item, readSpec))
        .filter((item) => item !== null);
      if (items.length === 0 || text.trim() === '') return '';
      return `${title}${text}\n\nTests:\n\n${items.join('\n')}\n\n`;
    })
    .replace(/(,? ?)\b(tests?) ((?:`[a-z\d.-]+`(?:, | and )?)+)/g, (match, before, _, list) => {
      const names = list.match(/`.+?`/g);
      const kept = names.filter((name) => readSpec(name.slice(1, -1)) !== undefined);
      if (kept.length === names.length) return match;
      const end = /(?:, | and )$/.exec(list)?.[0] ?? '';
      return kept.length === 0
        ? ''
        : `${before}${kept.length > 1 ? 'tests' : 'test'} ${kept.join(', ')}${end}`;
    })
    .replace(/ \(\)/g, '')
    .replace(/\n*$/, '\n');
}

/** @param {string} item of a list of tests: names of specs, each with titles or without */
function withoutMissing(item, readSpec) {
  const names = item.match(/(?<=`)[a-z\d.-]+(?=`)/g) ?? [];
  const specs = names.map((name) => readSpec(name));
  if (names.length === 0) return item;
  if (specs.every((text) => text === undefined)) return null;
  let kept = item;
  names.forEach((name, i) => {
    if (specs[i] === undefined) kept = kept.replace(new RegExp(`\`${name}\`(?:, | and )?`), '');
  });
  const titles = [...item.matchAll(/"(.+?)"/g)].map(([, title]) => title);
  const missing = titles.filter((title) => !specs.some((text) => text?.includes(title)));
  if (titles.length > 0 && missing.length === titles.length) return null;
  for (const title of missing) kept = kept.replace(`"${title}"`, '');
  return kept
    .replace(/(?:, )+(?=, )/g, '')
    .replace(/` , /, '` ')
    .replace(/,? +$/, '');
}
