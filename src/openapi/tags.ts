import type { OpenAPIObject } from '@nestjs/swagger';
import { BOOKSTORE_TAG } from '../bookstore/bookstore-messages.js';
import { type OperationObject, operationsOf } from './operations.js';

type Tag = NonNullable<OpenAPIObject['tags']>[number];

/** The tags that come before all others, the most important first. */
const FIRST: readonly Tag[] = [
  {
    name: 'Authentication',
    description:
      'Log in, refresh tokens, log out, and see and end sessions. Start with `POST /auth/login`.',
  },
  { name: 'Users', description: 'Register, and read, change and delete users.' },
  { name: 'Ships', description: 'Anybody can read ships; changing them needs an access token.' },
  { name: 'Books', description: 'The books of the user whose token is sent.' },
];

/** The tags that come after all others. */
const LAST: readonly Tag[] = [
  { name: 'Audit', description: 'What happened to accounts, for administrators.' },
  { name: 'Health', description: 'For load balancers and supervisors; needs no token.' },
  BOOKSTORE_TAG,
];

/**
 * Lists the tags that operations have, each with a description, and sorts paths by them. A tag that
 * has no description here is described by the summaries of its operations.
 */
export function sortByTags(document: OpenAPIObject): void {
  const operations = operationsOf(document).map(({ operation }) => operation);
  const used = new Set(operations.flatMap(({ tags = [] }) => tags));
  const known = new Map([...FIRST, ...LAST].map((tag) => [tag.name, tag]));
  const names = [
    ...FIRST.map(({ name }) => name),
    ...[...used].filter((name) => !known.has(name)),
    ...LAST.map(({ name }) => name),
  ].filter((name) => used.has(name));
  document.tags = names.map(
    (name) => known.get(name) ?? { name, description: summariesOf(operations, name) },
  );
  const rankOf = (path: string): number => {
    const [first] = operationsOf({ paths: { [path]: document.paths[path]! } });
    // Well-known paths come last, because only programs use them.
    return names.indexOf(first?.operation.tags?.[0] ?? '') + (path.startsWith('/.') ? 0.5 : 0);
  };
  const paths = Object.keys(document.paths).sort((a, b) => rankOf(a) - rankOf(b));
  document.paths = Object.fromEntries(paths.map((path) => [path, document.paths[path]!]));
}

function summariesOf(operations: readonly OperationObject[], tag: string): string {
  const summaries = operations
    .filter(({ tags = [] }) => tags.includes(tag))
    .map(({ summary, operationId }) => summary || operationId);
  return `${summaries.join('; ')}.`;
}
