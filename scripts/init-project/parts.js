/**
 * What belongs to a part, and goes with it.
 *
 * @typedef {object} Part
 * @property {string} about what the part is, for a person who decides whether to keep it
 * @property {string[]} [needs] the parts without which it cannot be kept
 * @property {string[]} paths files and folders; a star stands for any part of a name
 * @property {Record<string, RegExp>} [lines] the lines to remove, by file
 * @property {[path: string, title: string][]} [renames] migrations, and what they do without this part
 * @property {RegExp} words that documents contain only where they are about this part
 * @property {string[]} [scripts] of package.json
 */

/** @type {Record<string, Part>} */
export const parts = {
  ships: {
    about: 'an example of a resource that anyone can read',
    paths: [
      'src/ships',
      'test/ships',
      'migrations/ships-table.ts',
      'src/demo/demo-ships.*',
      'data/demo-ships.json',
      'test/demo/demo-ships*',
      'test/demo/slow/demo-ships*',
      // Replays the requests of a client of the Flask API, also those for ships.
      'test/flask-clients',
    ],
    lines: {
      '.gitignore': /ships/,
      'src/app.module.ts': /ships/i,
      'migrations/1795330800000-create-users-ships-sessions.ts': /ships[(-]/i,
      'migrations/1795360000000-sort-lists.ts': /ship/i,
      'migrations/1795450000000-add-row-versions.ts': /ships:|"ship_class"/,
    },
    words: /\bships?\b/i,
    renames: [['migrations/1795330800000-create-users-ships-sessions.ts', 'create-users-sessions']],
  },
  books: {
    about: 'an example of a resource whose rows belong to users',
    paths: [
      'src/books',
      'test/books',
      'migrations/books-table.ts',
      'migrations/1795349000000-create-books.ts',
    ],
    lines: {
      'src/app.module.ts': /books/i,
      'migrations/1795360000000-sort-lists.ts': /book/i,
      'migrations/1795410000000-remove-users-in-batches.ts': /book/i,
      'migrations/1795450000000-add-row-versions.ts': /books:/,
    },
    words: /\bbooks?\b|book_/i,
  },
  bookstore: {
    about: 'the routes of the Flask bookstore tutorial, for its clients',
    needs: ['books'],
    paths: [
      'src/bookstore',
      'test/bookstore',
      'src/config/bookstore-settings.ts',
      'docs/bookstore-clients.md',
      'docs/decisions/0010-bookstore.md',
    ],
    lines: {
      '.env.example': /BOOKSTORE/,
      'src/app.module.ts': /bookstore/i,
      'src/config/app-config.ts': /bookstore/i,
      'test/support/features.ts': /BOOKSTORE/,
    },
    words: /\bbookstore\b/i,
  },
  demo: {
    about: 'demo users, and demo ships if you keep ships, in an empty database',
    paths: [
      'src/demo',
      'test/demo',
      'src/config/demo-data.ts',
      'data/demo-*.json',
      'test/flask-clients',
    ],
    lines: {
      '.env.example': /DEMO_DATA/,
      '.gitignore': /demo-/,
      'src/app.module.ts': /demo/i,
      'src/config/app-config.ts': /demo/i,
      'test/support/features.ts': /DEMO_DATA/,
      'bench/lists.ts': /DEMO_DATA/,
      'bench/product-server.ts': /DEMO_DATA/,
      'bench/product-token-check.ts': /DEMO_DATA/,
      'bench/servers.ts': /DEMO_DATA/,
    },
    words: /\bdemo\b|DEMO_DATA/i,
  },
};

/**
 * What only the template needs. It always goes.
 *
 * @type {Part}
 */
export const template = {
  about: 'this command, the page about it, and the pictures of the README',
  paths: [
    'scripts/init-project',
    'test/scripts/init-project*',
    'test/scripts/one-database/slow/copies/init-project*',
    // Starts projects from releases of the template.
    'test/scripts/one-database/slow/copies/upgrade*',
    'test/scripts/one-database/slow/copies/build-your-own.e2e-spec.ts',
    'test/docs/one-database/template-readme.e2e-spec.ts',
    'docs/build-your-own.md',
    'docs/decisions/0033-init-project.md',
    'docs/swagger-ui.png',
  ],
  scripts: ['init-project'],
  words: /init-project|Make it your own|build-your-own/i,
};
