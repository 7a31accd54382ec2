/**
 * The baseline, with which the benchmark compares the product: the same routes written by hand,
 * with the product's libraries and without a framework. It runs as a separate process and reads its
 * settings from environment variables.
 */
import { hash, randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import pLimit from 'p-limit';
import { securityHeaders } from '../src/http/security-headers.js';
import { openPostgres } from './baseline-postgres.js';
import type { Crate } from './baseline-rows.js';
import { openSqlite } from './baseline-sqlite.js';
import { createTokens } from './baseline-tokens.js';

/** Lifetimes are in seconds. */
const ACCESS_LIFETIME = readSetting('ACCESS_LIFETIME', Number);
const REFRESH_LIFETIME = 30 * 24 * 60 * 60;
const PAGE_SIZE = 100;

const url = readSetting('DATABASE', String);
const database = url.startsWith('postgres') ? openPostgres(url) : openSqlite(url);
const tokens = createTokens(readSetting('SECRET', String));
/** Like the product, the baseline computes at most one hash per core at the same time. */
const limitHashes = pLimit(availableParallelism());
const server = Fastify();
server.addHook('onSend', (_request, reply, _payload, done) => {
  reply.headers(securityHeaders);
  done();
});

type Authenticated = FastifyRequest & { userId: number };

async function authenticate(request: FastifyRequest, reply: FastifyReply) {
  reply.header('cache-control', 'no-store');
  const claims = tokens.verify(request.headers.authorization);
  if (!claims || !(await database.isActive(claims))) {
    return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  }
  (request as Authenticated).userId = Number(claims.sub);
}

server.get('/api/crates', async (request, reply) =>
  sendList(request, reply, await database.crates(0, PAGE_SIZE)),
);

server.get<{ Params: { id: string } }>('/api/crates/:id', async (request, reply) => {
  const found = await database.crate(Number(request.params.id));
  if (!found) return reply.status(404).send({ statusCode: 404, error: 'Not Found' });
  const { version, ...crate } = found;
  reply.headers({ etag: tagOf(version), 'cache-control': 'no-cache' });
  if (request.headers['if-none-match'] === tagOf(version)) return reply.status(304).send();
  return crate;
});

server.put<{ Params: { id: string } }>(
  '/api/crates/:id',
  { preHandler: authenticate },
  async (request, reply) => {
    const { body } = request;
    if (!isNewCrate(body)) return reply.status(400).send({ statusCode: 400, error: 'Bad Request' });
    const id = Number(request.params.id);
    const version = await database.replaceCrate(id, body);
    if (version === null) return reply.status(404).send({ statusCode: 404, error: 'Not Found' });
    reply.header('etag', tagOf(version));
    return { id, ...body };
  },
);

server.get('/api/scrolls', { preHandler: authenticate }, async (request, reply) =>
  sendList(request, reply, await database.scrolls((request as Authenticated).userId, PAGE_SIZE)),
);

server.get('/auth/me', { preHandler: authenticate }, async (request, reply) => {
  const user = await database.user((request as Authenticated).userId);
  if (!user) return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  const { id, name, public_id, admin, created_at, roles } = user;
  return {
    id,
    name,
    public_id,
    admin: admin !== 0,
    roles: JSON.parse(roles) as string[],
    created_at: new Date(created_at).toISOString(),
  };
});

server.post('/api/crates', { preHandler: authenticate }, async (request, reply) => {
  const { body } = request;
  if (!isNewCrate(body)) return reply.status(400).send({ statusCode: 400, error: 'Bad Request' });
  const { version, ...crate } = await database.addCrate(body);
  reply.header('etag', tagOf(version));
  reply.header('location', `${request.protocol}://${request.host}/api/crates/${crate.id}`);
  return reply.status(201).send(crate);
});

server.post('/auth/login', async ({ body, ip }, reply) => {
  reply.header('cache-control', 'no-store');
  const { username, password } = body as Record<string, unknown>;
  if (typeof username !== 'string' || typeof password !== 'string') {
    return reply.status(400).send({ statusCode: 400, error: 'Bad Request' });
  }
  const user = await database.userByName(username.normalize('NFC'));
  if (
    !user ||
    !(await limitHashes(() => argon2.verify(user.password_hash, password.normalize('NFC'))))
  ) {
    return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  }
  const subject = String(user.id);
  const sid = randomUUID();
  await database.addSession(sid, subject, Date.now() + REFRESH_LIFETIME * 1000, ip);
  return {
    access_token: tokens.access(subject, sid, user.role_version, ACCESS_LIFETIME),
    token_type: 'Bearer',
    expires_in: ACCESS_LIFETIME,
    refresh_token: tokens.refresh(subject, sid, REFRESH_LIFETIME).signed,
  };
});

server.post('/auth/refresh', async ({ headers }, reply) => {
  reply.header('cache-control', 'no-store');
  const claims = tokens.verifyRefresh(headers.authorization);
  const user = claims && (await database.user(Number(claims.sub)));
  if (!user) return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  const { sub, sid, jti } = claims;
  const refresh = tokens.refresh(sub, sid, REFRESH_LIFETIME);
  const access = tokens.access(sub, sid, user.role_version, ACCESS_LIFETIME, { fresh: false });
  if (
    !(await database.rotate({ sid, sub, from: jti, to: refresh.jti, lifetime: REFRESH_LIFETIME }))
  ) {
    return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  }
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: ACCESS_LIFETIME,
    refresh_token: refresh.signed,
  };
});

await server.listen({ port: 0, host: '127.0.0.1' });
// The benchmark waits for this line, which the product prints as well.
console.log(`The API is at ${server.listeningOrigin}/`);

function tagOf(version: number): string {
  return `"${version.toString(36)}"`;
}

function sendList(request: FastifyRequest, reply: FastifyReply, rows: object[]): FastifyReply {
  const body = JSON.stringify(rows);
  const tag = `W/"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  reply.header('etag', tag);
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-cache');
  if (request.headers['if-none-match'] === tag) return reply.status(304).send();
  return reply.type('application/json; charset=utf-8').send(body);
}

function isNewCrate(body: unknown): body is Omit<Crate, 'id'> {
  if (typeof body !== 'object' || body === null || Object.keys(body).length !== 6) return false;
  const crate = body as Partial<Record<keyof Crate, unknown>>;
  return (
    isText(crate.label) &&
    isText(crate.kind) &&
    isText(crate.packed_by) &&
    isCount(crate.count) &&
    isCount(crate.weight) &&
    Array.isArray(crate.tags) &&
    crate.tags.every((tag) => typeof tag === 'string')
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function readSetting<T>(name: string, parse: (text: string) => T): T {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set.`);
  return parse(value);
}
