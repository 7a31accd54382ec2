import { STATUS_CODES } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import {
  ApiError,
  genericKind,
  internalError,
  notFound,
  serviceUnavailable,
  validationFailed,
} from '../errors/api-error.js';
import { ErrorResponse, unreadableBody } from '../errors/api-errors.decorator.js';
import { messages } from '../validation/messages.js';
import { Login } from '../auth/dto/login.dto.js';
import type { AppConfig } from '../config/app-config.js';
import { packageInfo } from '../config/package-info.js';
import { BodyClassesService } from '../validation/body-classes.service.js';
import { describeBody } from '../validation/body-schema.js';
import { pathOf } from '../http/links.js';
import { requestIdHeader } from '../http/request-id.js';
import { focusFirstScheme } from './authorize-focus.js';
import { removeUnused, shareHeaders } from './components.js';
import { describeHttpMethods } from './http-methods.js';
import { listErrorCodes } from './error-codes.js';
import { DocumentChangesService } from './document-changes.service.js';
import { addError, appendDescription, type OperationObject, operationsOf } from './operations.js';
import { describePathParameters } from './parameters.js';
import { sortByTags } from './tags.js';
import { describeSetCookie } from './cookies.js';
import { describeTokens, describeRefreshWithoutRotation } from './tokens.js';
import { describeTokenBodies } from './token-bodies.js';
import { describeUserRules } from './users.js';
import { RouteRequirementsService } from '../access/route-requirements.service.js';
import { loginCookieNames } from '../access/token-cookies.service.js';

type ResponseObject = Extract<OperationObject['responses'][string], { description: string }>;

const DESCRIPTION = [
  'Log in at `POST /auth/login`, and enter the `access_token` of the response under *Authorize*.',
  'Errors have the shape of `ErrorResponse`. Its `code` is for programs, and each response lists its possible codes. Requests can also be refused before a route is found: 404 for an unknown path, 405 with `Allow` for an unknown method of a known path, and 400, 408, 414, 417 or 431 for a request that is not valid HTTP.',
].join('\n\n');

/** `identifier` is the SPDX id of the license (OpenAPI 3.1.0, section 4.8.4). */
const ABOUT = {
  contact: { name: `The ${packageInfo.name} authors` },
  license: { name: 'MIT License', identifier: 'MIT' },
};

export function buildDocument(app: NestFastifyApplication, config: AppConfig): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(packageInfo.name)
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addServer(...serverOf(config));
  // The guard of the login checks its body, which is not a parameter of a handler.
  for (const type of [Login, ...app.get(BodyClassesService).list()]) describeBody(type);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    extraModels: [ErrorResponse],
    operationIdFactory: (controller, method) => `${controller}.${method}`,
  });
  document.info = { ...document.info, ...ABOUT };
  const cookies = config.tokenCookies ? loginCookieNames(config) : null;
  describeUserRules(document, config);
  app.get(DocumentChangesService).apply(document);
  describeTokens(document, app.get(RouteRequirementsService).list(), cookies);
  describeSetCookie(document, cookies);
  if (!config.refreshRotation) describeRefreshWithoutRotation(document);
  if (cookies) describeTokenBodies(document, config.web);
  describeHttpMethods(document);
  complete(document, config);
  sortByTags(document);
  listErrorCodes(document);
  shareHeaders(document);
  removeUnused(document);
  return document;
}

/** The URL of the server and a description. Without `PUBLIC_URL` it is the host of the document. */
function serverOf({ web }: AppConfig): [string, string?] {
  return web.publicUrl === null ? ['/', 'The host of this document.'] : [web.publicUrl];
}

/** The files that the page loads. No other file of their folder is served: some reveal versions. */
const DOCS_FILES = [
  'favicon-16x16.png',
  'favicon-32x32.png',
  'openapi.json',
  'swagger-ui-bundle.js',
  'swagger-ui-init.js',
  'swagger-ui-standalone-preset.js',
  'swagger-ui.css',
].map((file) => `/docs/${file}`);

/** Serves Swagger UI at `/docs` and the document at `/docs/openapi.json`. */
export function serveDocs(app: NestFastifyApplication, config: AppConfig): void {
  const instance = app.getHttpAdapter().getInstance();
  instance.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request);
    // The router also decodes paths such as `/%64ocs/`.
    const { url = path } = request.routeOptions;
    if (!path.startsWith('/docs/') && !url.startsWith('/docs/')) return done();
    // The page refers to its files relative to the address without the slash.
    if (path === '/docs/') return request.is404 ? done() : void reply.redirect('/docs', 308);
    done(DOCS_FILES.includes(path) ? undefined : new ApiError(notFound));
  });
  SwaggerModule.setup('docs', app, () => buildDocument(app, config), {
    raw: ['json'],
    jsonDocumentUrl: 'docs/openapi.json',
    customSiteTitle: packageInfo.name,
    // In production, tokens must not be kept in the storage of a browser.
    swaggerOptions: { persistAuthorization: !config.production, plugins: [focusFirstScheme] },
  });
}

/** Adds what decorators cannot know, or would have to repeat for each route. */
function complete(document: OpenAPIObject, config: AppConfig): void {
  for (const { operation, changes } of operationsOf(document)) {
    operation.operationId = publicId(operation.operationId ?? '');
    addCommonErrors(operation, changes);
    if (!operation.security) describeOpen(operation);
    describePathParameters(operation);
    for (const [status, response] of Object.entries(operation.responses)) {
      if (response && !('$ref' in response)) describe(response, Number(status));
    }
    const body = operation.requestBody;
    const schema = body && 'content' in body && body.content['application/json']?.schema;
    if (schema && '$ref' in schema) forbidOthers(document, schema.$ref);
  }
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if (!('properties' in schema)) continue;
    for (const property of Object.values(schema.properties ?? {})) {
      // The minimum length of a password is a setting.
      if ('format' in property && property.format === 'password') {
        property.minLength = config.passwordMinLength;
      }
    }
  }
}

/** Returns a name that generated clients can use, such as `usersCreate` or `authLogin`. */
function publicId(route: string): string {
  const [controller = '', method = ''] = route.split('.');
  const resource = controller.replace('Controller', '').toLowerCase();
  return resource + method.charAt(0).toUpperCase() + method.slice(1);
}

/** An empty list states that no token is needed. Linters take a missing list for a mistake. */
function describeOpen(operation: OperationObject): void {
  operation.security = [];
  appendDescription(operation, 'Needs no token.');
}

/**
 * The errors of every operation: an internal error, a database that cannot be reached, and an invalid
 * body, which is read even if the route takes none.
 */
function addCommonErrors(operation: OperationObject, readsBody: boolean): void {
  const body = readsBody && !operation.requestBody ? [notJson, ...unreadableBody] : [];
  const kinds = [badRequest, ...body, internalError, serviceUnavailable];
  for (const kind of kinds) addError(operation, kind);
}

/** The error for a request whose `Host` is missing or malformed. */
const badRequest = genericKind(400);

const notJson = { ...validationFailed, message: { _schema: [messages.body] } };

/**
 * Describes a response by its error codes, and adds the headers of its status and the request id.
 */
function describe(response: ResponseObject, status: number): void {
  const codes = Object.keys(response.content?.['application/json']?.examples ?? {});
  response.description ||= codes.map((code) => `\`${code}\``).join(', ') || STATUS_CODES[status]!;
  response.headers = { ...ERROR_HEADERS[status], ...response.headers, ...requestIdHeader };
}

/** Unknown fields of a body are refused, except at the login. */
function forbidOthers(document: OpenAPIObject, reference: string): void {
  const name = reference.split('/').at(-1) ?? '';
  if (name === Login.name) return;
  const schema = document.components?.schemas?.[name];
  if (schema && !('$ref' in schema)) schema.additionalProperties = false;
}

const challenge = {
  'WWW-Authenticate': {
    description: 'RFC 6750, section 3.',
    required: true,
    schema: { type: 'string' as const, pattern: '^Bearer realm="api"' },
  },
};
const retryAfter = {
  'Retry-After': {
    description: 'Seconds to wait.',
    required: true,
    schema: { type: 'integer' as const, minimum: 1 },
  },
};
const ERROR_HEADERS: Record<number, ResponseObject['headers']> = {
  401: challenge,
  403: challenge,
  429: retryAfter,
  503: retryAfter,
};
