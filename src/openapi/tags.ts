import type { OpenAPIObject } from '@nestjs/swagger';
import { descriptionOfTag } from '../http/api-tag.decorator.js';
import { type OperationObject, operationsOf } from './operations.js';

/** The tags that come before those of the features, and the tags that come after them. */
const FIRST = ['Authentication', 'Users'];
const LAST = ['Audit', 'Health'];

/**
 * Lists the tags of all operations, each with a description, and sorts the paths by their tags.
 * Features come in the order of their modules.
 */
export function sortByTags(document: OpenAPIObject): void {
  const operations = operationsOf(document).map(({ operation }) => operation);
  const used = new Set(operations.flatMap(({ tags = [] }) => tags));
  const features = [...used].filter((name) => ![...FIRST, ...LAST].includes(name));
  const names = [...FIRST, ...features, ...LAST].filter((name) => used.has(name));
  document.tags = names.map((name) => ({
    name,
    description: descriptionOfTag(name) ?? summariesOf(operations, name),
  }));
  const rankOf = (path: string): number => {
    const [first] = operationsOf({ paths: { [path]: document.paths[path]! } });
    // Well-known paths are for programs, so they come last among the paths of their tag.
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
