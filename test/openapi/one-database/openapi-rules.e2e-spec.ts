import { Controller, Get, Module, Param, ParseIntPipe, Post } from '@nestjs/common';
import { ApiOperation, ApiTags, type OpenAPIObject } from '@nestjs/swagger';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { ApiErrors } from '../../../src/errors/api-errors.decorator.js';
import { Public, RequireToken } from '../../../src/access/require-token.decorator.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { SECRET, type TestApp } from '../../support/test-app.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  example?: unknown;
  schema: object;
}

interface Response {
  headers?: Record<string, { $ref?: string; required?: boolean }>;
  content?: Record<string, { schema: ErrorSchema; examples?: Record<string, unknown> }>;
}

interface ErrorSchema {
  allOf?: [{ $ref: string }, { properties: { code: { enum: string[] } } }];
}

/** A feature that a developer adds. The document describes it without further registration. */
@ApiTags('Orders')
@Controller('orders/:order/lines')
class OrderLinesController {
  @Get(':line')
  @Public()
  @ApiOperation({ summary: 'Get a line of an order' })
  @ApiErrors({ status: 409, code: 'order_closed' })
  get(@Param('order', ParseIntPipe) order: number, @Param('line') line: string): string {
    return `${order} ${line}`;
  }

  @Post()
  @RequireToken({ fresh: true, scope: { orders: true } })
  @ApiOperation({ summary: 'Add a line to an order' })
  add(@Param('order', ParseIntPipe) order: number): string {
    return String(order);
  }
}

@Module({ controllers: [OrderLinesController] })
class OrdersModule {}

const production = { NODE_ENV: 'production', JWT_SECRET_KEY: SECRET, FLASK_COMPAT: 'false' };

describe.each<[string, Record<string, string>]>([
  ['with the default settings', {}],
  ['with TOKEN_COOKIES', { TOKEN_COOKIES: 'true' }],
  ['in production with FLASK_COMPAT=false', production],
])('The OpenAPI document %s', (_, env) => {
  let app: TestApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    app = await bootFixtureApp(env, { imports: [OrdersModule] });
    document = (await app.get<OpenAPIObject>('/docs/openapi.json')).body;
  });
  afterAll(() => app.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({
        route: `${method.toUpperCase()} ${path}`,
        operation,
        parameters: (operation.parameters ?? []) as Parameter[],
        responses: Object.entries(operation.responses as Record<string, Response>),
      })),
    );
  const at = (route: string) => operations().find((each) => each.route === route)!;

  it('names the server, the license and the contact', () => {
    expect(document.servers).toEqual([{ url: '/', description: expect.any(String) }]);
    expect(document.info.license).toEqual({ name: 'MIT License', identifier: 'MIT' });
    expect(document.info.contact?.name).toMatch(/\w/);
  });

  it('describes every operation, and says which operations need no token', () => {
    for (const { route, operation } of operations()) {
      expect([route, operation.description]).toEqual([route, expect.stringMatching(/[\w`)]\.$/)]);
      expect([route, operation.security]).toEqual([route, expect.any(Array)]);
      const isOpen = operation.security!.length === 0;
      expect([route, operation.description!.endsWith('Needs no token.')]).toEqual([route, isOpen]);
    }
    expect(at('GET /api/crates').operation.security).toEqual([]);
    expect(at('GET /orders/{order}/lines/{line}').operation.security).toEqual([]);
    expect(at('POST /orders/{order}/lines').operation.description).toBe(
      'Needs an access token with the scope `{"orders":true}`, which has to come from a login.',
    );
  });

  it('gives each path parameter an example that its schema accepts', () => {
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    const inPaths = operations().flatMap(({ route, parameters }) =>
      parameters.filter((each) => each.in === 'path').map((each) => ({ route, ...each })),
    );
    expect(inPaths.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['id', 'session', 'order', 'line']),
    );
    for (const { route, name, example, schema } of inPaths) {
      const accepted = example !== undefined && ajv.validate(schema, example);
      expect([route, name, accepted]).toEqual([route, name, true]);
    }
  });

  it('lists the codes of each error response, and all codes in the schema of errors', () => {
    const schema = document.components!.schemas!.ErrorResponse as {
      properties: { code: { enum: string[] } };
    };
    const all = schema.properties.code.enum;
    let count = 0;
    for (const { responses } of operations()) {
      for (const [, { content }] of responses) {
        const { schema: { allOf } = {}, examples = {} } = content?.['application/json'] ?? {};
        if (!allOf) continue;
        expect(allOf[0].$ref).toBe('#/components/schemas/ErrorResponse');
        expect(allOf[1].properties.code.enum).toEqual(Object.keys(examples));
        expect(all).toEqual(expect.arrayContaining(Object.keys(examples)));
        count++;
      }
    }
    expect(count).toBeGreaterThan(100);
    expect(all).toEqual([...new Set(all)].sort());
    const others = ['csrf_failed', 'method_not_allowed', 'order_closed', 'registration_closed'];
    expect(all).toEqual(expect.arrayContaining(others));
  });

  it('has no unused component, and describes each header once', () => {
    const text = JSON.stringify(document.paths) + JSON.stringify(document.components!.schemas);
    const { securitySchemes = {}, ...others } = document.components!;
    for (const [kind, members] of Object.entries(others)) {
      for (const name of Object.keys(members)) {
        expect(text).toContain(`"#/components/${kind}/${name}"`);
      }
    }
    for (const name of Object.keys(securitySchemes)) expect(text).toContain(`{"${name}":[]}`);
    const headers = ['Link', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'];
    expect(Object.keys(others.headers!)).toEqual(expect.arrayContaining(headers));
    const created = at('POST /api/crates').operation.responses['201'] as Response;
    expect(created.headers!.Location).toEqual({ $ref: '#/components/headers/Location' });
  });

  it('lists the access token first, and orders tags by their importance to a reader', () => {
    expect(Object.keys(document.components!.securitySchemes!).slice(0, 2)).toEqual([
      'access_token',
      'refresh_token',
    ]);
    const tags = document.tags!.map(({ name }) => name);
    expect(tags.slice(0, 2)).toEqual(['Authentication', 'Users']);
    expect(tags).toContain('Orders');
    expect(tags.slice(-2)).toEqual(['Audit', 'Health']);
    for (const tag of document.tags!) expect(tag.description).toMatch(/[\w`]\.$/);
    const used = operations().flatMap(({ operation }) => operation.tags!);
    expect([...new Set(used)]).toEqual(tags);
    expect(operations()[0]!.route).toBe('POST /auth/login');
  });

  it('documents X-CSRF-TOKEN and Set-Cookie only if tokens are sent in cookies', () => {
    const isOn = env.TOKEN_COOKIES === 'true';
    const withCookie = operations()
      .filter(({ responses }) => responses.some(([, { headers }]) => headers?.['Set-Cookie']))
      .map(({ route }) => route);
    const routes = ['POST /auth/login', 'POST /auth/refresh', 'POST /auth/password'];
    const logouts = ['DELETE /auth/logout', 'DELETE /auth/logout2'];
    expect(withCookie.sort()).toEqual(isOn ? [...routes, ...logouts].sort() : []);
    for (const { route, operation, parameters } of operations()) {
      const schemes = operation.security!.flatMap((each) => Object.keys(each));
      const takesCookie = schemes.some((name) => name.startsWith('cookie.'));
      const needsCsrf = takesCookie && !route.startsWith('GET ');
      const csrf = parameters.filter(({ name }) => name === 'X-CSRF-TOKEN');
      expect([route, csrf.length]).toEqual([route, needsCsrf ? 1 : 0]);
      if (needsCsrf) expect(csrf[0]).toMatchObject({ in: 'header', required: false });
    }
    expect(at('POST /orders/{order}/lines').parameters).toHaveLength(isOn ? 2 : 1);
  });
});

describe('The OpenAPI document with PUBLIC_URL', () => {
  it('names PUBLIC_URL as the server', async () => {
    const app = await bootFixtureApp({ PUBLIC_URL: 'https://api.example.com/base' });
    const { body } = await app.get<OpenAPIObject>('/docs/openapi.json');
    expect(body.servers).toEqual([{ url: 'https://api.example.com/base' }]);
    await app.close();
  });
});
