import { hash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppConfig } from '../../config/app-config.js';
import type { Precondition } from '../../database/versions/precondition.js';
import { preconditionFailed, preconditionRequired } from '../../errors/api-error.js';
import { ApiErrors } from '../../errors/api-errors.decorator.js';
import { documentedParameter } from '../documented-parameter.js';
import { namesTag, tagOf, versionsIn } from './entity-tag.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether `PUT`, `PATCH` and `DELETE` need `If-Match`. */
    requiresIfMatch: boolean;
  }
  interface FastifyReply {
    /** Whether the response gets a weak tag, which is calculated from its body. */
    hasBodyTag: boolean;
  }
}

const VERSION = Symbol('version of a row');

interface Versioned {
  [VERSION]?: number;
}

/** Gives a response the version of the row that it shows. It is sent as the `ETag`, and not as a field. */
export function withVersion<Response extends object>(
  response: Response,
  { version }: { version: number },
): Response {
  (response as Versioned)[VERSION] = version;
  return response;
}

/** The version that a response was given. */
export function versionOf(response: object): number | undefined {
  return (response as Versioned)[VERSION];
}

/**
 * Sends the entity tags of single resources and lists, and answers `If-None-Match` with 304 (RFC 9110,
 * sections 8.8.3 and 13.1.2). A response that has a tag may be stored, but has to be revalidated,
 * unless the route says otherwise.
 */
export function tagResponses(instance: FastifyInstance, { web }: AppConfig): void {
  instance.decorate('requiresIfMatch', web.requireIfMatch);
  instance.decorateReply('hasBodyTag', false);
  instance.addHook('preSerialization', (_request, reply, payload, done) => {
    const version = versionOf(payload as object);
    if (version !== undefined) reply.header('etag', tagOf(version));
    done(null, payload);
  });
  instance.addHook('onSend', (request, reply, payload, done) => {
    if (reply.hasBodyTag && typeof payload === 'string')
      reply.header('etag', bodyTag(reply, payload));
    const tag = reply.getHeader('etag');
    if (typeof tag !== 'string' || !isRead(request)) return done();
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-cache');
    if (!namesTag(request.headers['if-none-match'], tag)) return done();
    reply.status(304).removeHeader('content-type');
    // Fastify calculates the length of the body of a `HEAD` response, and does not send it.
    done(null, request.method === 'HEAD' ? payload : null);
  });
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A list also changes if a next page is added. */
function bodyTag(reply: FastifyReply, body: string): string {
  const link = String(reply.getHeader('link') ?? '');
  return `W/"${hash('sha256', link + body, 'base64url').slice(0, 22)}"`;
}

const extract = createParamDecorator((_: unknown, context: ExecutionContext): Precondition => {
  const { headers, server } = context.switchToHttp().getRequest<FastifyRequest>();
  return {
    matches: versionsIn(headers['if-match'], { isStrong: true }),
    matchesNone: versionsIn(headers['if-none-match'], { isStrong: false }),
    isRequired: server.requiresIfMatch,
  };
});

/**
 * Injects what `If-Match` and `If-None-Match` require of the resource, as a `Precondition`, and documents
 * the headers and the refusals.
 */
export function IfMatch(): ParameterDecorator {
  return documentedParameter(
    extract(),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description:
        'The `ETag` of the resource as you know it. If it has changed since, nothing is written, and the answer is 412. `REQUIRE_IF_MATCH` makes the header mandatory.',
      schema: { type: 'string', example: '"1t6lm1qk2x"' },
    }),
    ApiErrors(preconditionFailed, preconditionRequired),
  );
}

/** Documents the header of a response. */
export const etagHeader = {
  ETag: {
    description: 'The state of the resource, or of the list (RFC 9110, section 8.8.3).',
    required: true,
    schema: { type: 'string' as const, pattern: '^(W/)?"[!#-~]+"$', example: '"1t6lm1qk2x"' },
  },
};

/** Documents the header of a request that reads. */
export const ifNoneMatchHeader = {
  name: 'If-None-Match',
  required: false,
  description: 'The `ETag` that you know. If nothing has changed since, the answer is 304.',
  schema: { type: 'string' as const },
};
