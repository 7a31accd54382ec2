import type { OpenAPIObject } from '@nestjs/swagger';
import { operationsOf } from './operations.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Headers = NonNullable<Components['headers']>;

/**
 * Moves the headers of responses into the components, each under its name. A header that differs
 * from an earlier one with the same name stays in its response.
 */
export function shareHeaders(document: OpenAPIObject): void {
  const shared: Headers = {};
  for (const { operation } of operationsOf(document)) {
    for (const response of Object.values(operation.responses)) {
      if (!response || '$ref' in response || !response.headers) continue;
      response.headers = Object.fromEntries(
        Object.entries(response.headers).map(([name, header]) => {
          const known = (shared[name] ??= header);
          const isSame = JSON.stringify(known) === JSON.stringify(header);
          return [name, isSame ? { $ref: `#/components/headers/${name}` } : header];
        }),
      );
    }
  }
  document.components = { ...document.components, headers: shared };
}

/** Removes the components that no operation refers to. */
export function removeUnused(document: OpenAPIObject): void {
  const { components = {} } = document;
  const used = new Set<string>();
  const visit = (node: unknown): void => {
    for (const reference of referencesIn(node)) {
      if (used.has(reference)) continue;
      used.add(reference);
      visit(componentOf(components, reference));
    }
  };
  visit(document.paths);
  for (const { operation } of operationsOf(document)) {
    for (const scheme of (operation.security ?? []).flatMap(Object.keys)) {
      used.add(`#/components/securitySchemes/${scheme}`);
    }
  }
  document.components = Object.fromEntries(
    Object.entries(components).map(([kind, members]) => [
      kind,
      Object.fromEntries(
        Object.entries(members as object).filter(([name]) =>
          used.has(`#/components/${kind}/${name}`),
        ),
      ),
    ]),
  );
}

function componentOf(components: Components, reference: string): unknown {
  const [, , kind = '', name = ''] = reference.split('/');
  return (components as Record<string, Record<string, unknown> | undefined>)[kind]?.[name];
}

function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]: [string, unknown]) =>
    name === '$ref' && typeof value === 'string' ? [value] : referencesIn(value),
  );
}
