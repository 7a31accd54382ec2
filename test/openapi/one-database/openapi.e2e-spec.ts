import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { idempotentPaths } from '../../../packages/client/src/idempotent-paths.js';
import { runChild } from '../../support/children.js';
import { crate } from '../../support/fixture/crates.js';
import { allRoutes } from '../../support/features.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { bootApp, type TestApp } from '../../support/test-app.js';
import { UserRolesService } from '../../../src/users/roles/user-roles.service.js';

type Schema = {
  $ref?: string;
  type?: string;
  allOf?: Schema[];
  properties?: Record<string, object>;
  additionalProperties?: boolean;
};

describe('The OpenAPI document', () => {
  let app: TestApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    // With the operations of all features that can be turned off.
    app = await bootFixtureApp(allRoutes);
    document = (await app.get<OpenAPIObject>('/docs/openapi.json')).body;
  });
  afterAll(() => app.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      (['get', 'post', 'put', 'delete'] as const).flatMap((method) => {
        const operation = item[method];
        return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
      }),
    );
  /** The name of the token that an operation requires; empty if it requires none. */
  const tokenOf = ({ security = [] }: { security?: object[] }): string =>
    Object.keys(security[0] ?? {})[0] ?? '';
  /** Whether the feature has its own token, and errors of its own for it. */
  const hasOwnErrors = (operation: { security?: object[] }): boolean =>
    !['', 'access_token', 'refresh_token'].includes(tokenOf(operation));
  const resolve = (schema: Schema): Schema =>
    schema.$ref
      ? (document.components?.schemas?.[schema.$ref.split('/').at(-1)!] as Schema)
      : schema.allOf
        ? resolve(schema.allOf[0]!)
        : schema;

  it('serves the document in docs/openapi.json (run `npm run openapi` if it differs)', async () => {
    const plain = await bootApp(allRoutes);
    const { body } = await plain.get('/docs/openapi.json');
    await plain.close();
    expect(body).toEqual(JSON.parse(readFileSync('docs/openapi.json', 'utf8')));
  });

  it('matches the types of the client (run `npm run client` if they differ)', async () => {
    const generator = 'node_modules/openapi-typescript/bin/cli.js';
    const types = ['-o', 'packages/client/src/api-types.ts', '--check'];
    const { status } = await runChild(process.execPath, [generator, 'docs/openapi.json', ...types]);
    expect(status).toBe(0);
  });

  it('matches the paths for which the client sends an Idempotency-Key', () => {
    const paths = operations()
      .filter(({ operation }) =>
        operation.parameters?.some((each) => 'in' in each && each.name === 'Idempotency-Key'),
      )
      .map(({ path }) => path);
    const ofFixture = ['/api/crates', '/api/scrolls'];
    expect(idempotentPaths).toEqual(paths.filter((path) => !ofFixture.includes(path)));
    expect(idempotentPaths).toContain('/api/users');
  });

  it('gives every operation a summary and a unique id', () => {
    for (const { operation } of operations()) {
      expect(operation.summary).toMatch(/\w/);
      expect(operation.tags).toHaveLength(1);
    }
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has a schema for every response, and an example for each of its members', () => {
    for (const { operation } of operations()) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (!answer || '$ref' in answer) throw new Error('A response is missing or a reference.');
        expect(answer.description).toMatch(/\w/);
        if (['204', '304'].includes(status) || answer.content?.['text/plain']) continue;
        const schema = answer.content?.['application/json']?.schema as Schema & { items?: Schema };
        const { properties, type } = resolve(schema.items ?? schema);
        if (type === 'string') {
          expect(schema).toHaveProperty('example');
          continue;
        }
        expect(Object.keys(properties ?? {})).not.toEqual([]);
        for (const property of Object.values(properties ?? {})) {
          expect(property).toHaveProperty('example');
        }
      }
    }
  });

  it('gives every error an example in the common shape, and documents its headers', () => {
    for (const { operation } of operations()) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (Number(status) < 400 || !answer || '$ref' in answer) continue;
        if (hasOwnErrors(operation) && ['401', '404'].includes(status)) continue;
        const { examples = {} } = answer.content!['application/json']!;
        expect(Object.keys(examples)).not.toEqual([]);
        for (const [code, example] of Object.entries(examples)) {
          const value = (example as { value: object }).value;
          expect(value).toMatchObject({ statusCode: Number(status), code });
        }
        if (status === '401' || status === '403') {
          expect(answer.headers).toHaveProperty('WWW-Authenticate');
        }
        if (status === '429' || status === '503')
          expect(answer.headers).toHaveProperty('Retry-After');
      }
    }
  });

  it('documents 503 for every operation', () => {
    for (const { operation } of operations()) expect(operation.responses).toHaveProperty('503');
  });

  it('documents the errors of a body for every operation but GET', () => {
    for (const { method, operation } of operations()) {
      if (method === 'GET') continue;
      const answer = operation.responses['400'] as {
        content: Record<string, { examples: object }>;
      };
      const { examples } = answer.content['application/json']!;
      expect(Object.keys(examples)).toEqual(
        expect.arrayContaining(['validation_failed', 'body_too_deep']),
      );
      expect(operation.responses).toHaveProperty('413');
      expect(operation.responses).toHaveProperty('415');
    }
  });

  it('documents the token errors of every operation that requires a token', () => {
    for (const { operation } of operations()) {
      if (!operation.security?.length) continue;
      expect(operation.responses).toHaveProperty('401');
      if (hasOwnErrors(operation)) continue;
      expect(operation.responses).toHaveProperty('422');
    }
  });

  it('allows no unknown field in a body, except in that of a login', () => {
    for (const { path, operation } of operations()) {
      const body = operation.requestBody as
        { content: Record<string, { schema: Schema }> } | undefined;
      if (!body) continue;
      const { additionalProperties } = resolve(body.content['application/json']!.schema);
      expect([path, additionalProperties]).toEqual([
        ...[path, path === '/auth/login' ? undefined : false],
      ]);
    }
  });

  it('refuses an invalid body at every operation that documents a body', async () => {
    const { id, ...credentials } = await app.newUser();
    await app.app.get(UserRolesService, { strict: false }).setRole(credentials.name, 'admin', true);
    const user = { id, ...(await app.login(credentials)) };
    const withBody = operations().filter(({ operation }) => operation.requestBody);
    expect(withBody.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining(['POST /auth/login', 'POST /auth/password', 'PUT /api/users/{id}']),
    );
    for (const { method, path, operation } of withBody) {
      const [, header = 'authorization'] = tokenOf(operation).split('header.');
      const target = path.replace('{id}', path.includes('users') ? String(user.id) : '1');
      for (const json of [{}, [], 'text', { ...crate, surprise: true }]) {
        const token = `${header === 'authorization' ? 'Bearer ' : ''}${user.access}`;
        const { status } = await app.send(method, target, { headers: { [header]: token }, json });
        expect(status).toBe(400);
      }
    }
  });
});

describe('DOCS=false', () => {
  it('serves neither the page nor the document with DOCS=false', async () => {
    const app = await bootApp({ DOCS: 'false' });
    for (const path of ['/docs', '/docs/', '/docs/openapi.json']) {
      expect((await app.get(path)).status).toBe(404);
    }
    await app.close();
  });
});
