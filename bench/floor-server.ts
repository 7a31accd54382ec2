/**
 * The floor: the benchmark's routes written by hand, with the libraries that the product uses and
 * no framework around them. It is what the product's throughput is measured against, and a
 * program of its own: its settings are environment variables.
 */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import pLimit from 'p-limit';
import { securityHeaders } from '../src/http/security-headers.js';
import { openDatabase, type Ship } from './floor-database.js';
import { makeTokens } from './floor-tokens.js';

/** Seconds, as are all lifetimes. */
const ACCESS_LIFETIME = setting('ACCESS_LIFETIME', Number);
const REFRESH_LIFETIME = 30 * 24 * 60 * 60;
const PAGE = 100;

const database = openDatabase(setting('DATABASE', String));
const tokens = makeTokens(setting('SECRET', String));
/** As many hashes at once as there are cores, as in the product. */
const hashing = pLimit(availableParallelism());
const server = Fastify();
server.addHook('onSend', (_request, reply, _payload, done) => {
  reply.headers(securityHeaders);
  done();
});

type Authenticated = FastifyRequest & { userId: number };

async function authenticate(request: FastifyRequest, reply: FastifyReply) {
  reply.header('cache-control', 'no-store');
  const claims = tokens.verify(request.headers.authorization);
  if (!claims || !database.isLive(claims.sid, claims.sub, claims.jti)) {
    return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  }
  (request as Authenticated).userId = Number(claims.sub);
}

server.get('/api/ships', async () => database.ships(0, PAGE));

server.get<{ Params: { id: string } }>('/api/ships/:id', async (request, reply) => {
  const ship = database.ship(Number(request.params.id));
  return ship ?? reply.status(404).send({ statusCode: 404, error: 'Not Found' });
});

server.get('/auth/me', { preHandler: authenticate }, async (request, reply) => {
  const user = database.user((request as Authenticated).userId);
  if (!user) return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  const { id, name, public_id, admin, created_at } = user;
  return {
    id,
    name,
    public_id,
    admin: admin !== 0,
    created_at: new Date(created_at).toISOString(),
  };
});

server.post('/api/ships', { preHandler: authenticate }, async (request, reply) => {
  const { body } = request;
  if (!isNewShip(body)) return reply.status(400).send({ statusCode: 400, error: 'Bad Request' });
  const ship = database.addShip(body);
  reply.header('location', `${request.protocol}://${request.host}/api/ships/${ship.id}`);
  return reply.status(201).send(ship);
});

server.post('/auth/login', async ({ body, ip }, reply) => {
  reply.header('cache-control', 'no-store');
  const { username, password } = body as Record<string, unknown>;
  if (typeof username !== 'string' || typeof password !== 'string') {
    return reply.status(400).send({ statusCode: 400, error: 'Bad Request' });
  }
  const user = database.userByName(username.normalize('NFC'));
  if (
    !user ||
    !(await hashing(() => argon2.verify(user.password_hash, password.normalize('NFC'))))
  ) {
    return reply.status(401).send({ statusCode: 401, error: 'Unauthorized' });
  }
  const subject = String(user.id);
  const sid = randomUUID();
  database.addSession(sid, subject, Date.now() + REFRESH_LIFETIME * 1000, ip);
  return {
    access_token: tokens.access(subject, sid, ACCESS_LIFETIME),
    token_type: 'Bearer',
    expires_in: ACCESS_LIFETIME,
    refresh_token: tokens.refresh(subject, sid, REFRESH_LIFETIME),
  };
});

await server.listen({ port: 0, host: '127.0.0.1' });
// In the product's words, for the one who waits for it.
console.log(`The API is at ${server.listeningOrigin}/api`);

function isNewShip(body: unknown): body is Omit<Ship, 'id'> {
  if (typeof body !== 'object' || body === null || Object.keys(body).length !== 8) return false;
  const ship = body as Partial<Record<keyof Ship, unknown>>;
  return (
    isText(ship.affiliation) &&
    isText(ship.category) &&
    isCount(ship.crew) &&
    isCount(ship.length) &&
    isText(ship.manufacturer) &&
    isText(ship.model) &&
    Array.isArray(ship.roles) &&
    ship.roles.every((role) => typeof role === 'string') &&
    isText(ship.ship_class)
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function setting<T>(name: string, as: (text: string) => T): T {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set.`);
  return as(value);
}
