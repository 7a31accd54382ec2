import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseChoices } from '../../scripts/init-project/choices.js';
import { dropMissingTests, forget, unlink } from '../../scripts/init-project/documents.js';

describe('parseChoices', () => {
  it.each([
    ['all', ['ships', 'books', 'bookstore', 'demo']],
    ['none', []],
    ['ships,demo', ['ships', 'demo']],
    ['bookstore, books', ['books', 'bookstore']],
  ])('reads --keep %s', (keep, expected) => {
    expect(parseChoices(['my-backend', '--keep', keep]).keep).toEqual(expected);
  });

  it('leaves the parts open without --keep', () => {
    const choices = parseChoices(['@company/api', '--description', 'An API']);
    expect(choices).toMatchObject({ name: '@company/api', description: 'An API' });
    expect(choices.keep).toBeUndefined();
  });

  it.each([
    ['no name', [], 'Usage: npm run init-project'],
    ['two names', ['a', 'b'], 'Usage: npm run init-project'],
    ['a name with capitals', ['MyBackend'], 'MyBackend is not a name of a package'],
    ['a name with a space', ['my backend'], 'is not a name of a package'],
    ['a name that begins with a dot', ['.backend'], 'is not a name of a package'],
    ['a name that npm reserves', ['node_modules'], 'is not a name of a package'],
    ['a name of 215 characters', ['a'.repeat(215)], 'is not a name of a package'],
    ['an unknown part', ['a', '--keep', 'ships,planets'], '"planets" is not a part'],
    ['all together with a part', ['a', '--keep', 'all,ships'], '"all" is not a part'],
    ['no part', ['a', '--keep', ''], '"" is not a part'],
    ['bookstore without books', ['a', '--keep', 'bookstore'], 'bookstore needs books'],
    ['an unknown option', ['a', '--force'], "Unknown option '--force'"],
  ])('refuses %s', (_, args, message) => {
    expect(() => parseChoices(args)).toThrow(message);
  });
});

describe('forget', () => {
  const ships = /\bships?\b/i;

  it('removes sentences, list items, rows, code blocks and sections that contain a word', () => {
    const page = `# Page

A first sentence. A ship flies. \`Ships\` land.
A last one, see [Lists](lists.md).

Ships only.

- **Ships**: many. Some sail.
- **Others**: few. A ship is one.
  So is a plane.

| a     | b |
| ----- | - |
| ship  | 1 |
| plane | 2 |

\`\`\`sh
curl /ships
\`\`\`

## A ship

Text.

### More

Text.

## A plane

Text.
`;
    expect(forget(page, ships)).toBe(`# Page

A first sentence. A last one, see [Lists](lists.md).

- **Others**: few. So is a plane.

| a     | b |
| ----- | - |
| plane | 2 |

## A plane

Text.
`);
  });

  it('removes only lines of a diagram', () => {
    const page = '```mermaid\nflowchart\n  a --> ships\n  a --> b\n```\n';
    expect(forget(page, ships)).toBe('```mermaid\nflowchart\n  a --> b\n```\n');
  });

  it.each(readdirSync('docs').filter((name) => name.endsWith('.md')))(
    'leaves docs/%s as it is if no word is in it',
    (name) => {
      const page = readFileSync(`docs/${name}`, 'utf8');
      expect(forget(page, /(?!)/)).toBe(page);
    },
  );
});

describe('unlink', () => {
  it('removes rows and items that begin with a link to a missing page, and other links to it', () => {
    const page = `See [a](a.md), [gone](gone.md#part) and [the web](https://example.com).

- [gone](gone.md): all of it
- [a](a.md), like [gone](gone.md)

| [gone](gone.md) | x |
| [a](a.md)       | y |
`;
    expect(unlink(page, (target) => target === 'a.md'))
      .toBe(`See [a](a.md), gone and [the web](https://example.com).

- [a](a.md), like gone

| [a](a.md)       | y |
`);
  });
});

describe('dropMissingTests', () => {
  it('removes tests that do not exist, and threats without tests', () => {
    const page = `- **1** L1 · **holds** · _Rule._ It holds (tests \`gone\`, \`users\`). So it does (test \`gone\`).

**A threat.** A defence.

Tests:

- \`gone\` "some test"
- \`users\` "lists users", "lists ships", "adds a user"
- \`gone\` and \`auth\` "logs in"

**Another threat.** A defence.

Tests:

- \`gone\`
`;
    const specs: Record<string, string> = { users: 'lists users, adds a user', auth: 'logs in' };
    expect(dropMissingTests(page, (name: string) => specs[name]))
      .toBe(`- **1** L1 · **holds** · _Rule._ It holds (test \`users\`). So it does.

**A threat.** A defence.

Tests:

- \`users\` "lists users", "adds a user"
- \`auth\` "logs in"
`);
  });
});
