import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '../support/client.js';
import { ServiceProcess } from '../support/process.js';
import { createDatabase, engine, type TestDatabase } from '../support/test-database.js';

jest.setTimeout(60_000);

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number };
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: Attribute[];
}

/** The body of `POST /v1/traces`, in the JSON of OTLP. */
interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: Span[] }[];
  }[];
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  let collector: Server;
  let database: TestDatabase;
  let service: ServiceProcess;
  let client: Client;
  const received: Export[] = [];
  const spans = () =>
    received.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  const attributesOf = ({ attributes }: { attributes: Attribute[] }) =>
    Object.fromEntries(
      attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
    );
  /** Waits until spans with this name were exported, and returns them. */
  const spansNamed = async (name: string, traceId?: string): Promise<Span[]> => {
    for (;;) {
      const found = spans().filter(
        (span) => span.name === name && (traceId === undefined || span.traceId === traceId),
      );
      if (found.length > 0) return found;
      await once(collector, 'request', { signal: AbortSignal.timeout(20_000) });
      await new Promise(setImmediate);
    }
  };

  beforeAll(async () => {
    collector = createServer((request, response) => {
      void text(request).then((body) => {
        expect([request.method, request.url]).toEqual(['POST', '/v1/traces']);
        received.push(JSON.parse(body) as Export);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    database = await createDatabase();
    service = ServiceProcess.spawn({
      ...database.settings,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
      OTEL_SERVICE_NAME: 'lamps',
      // Milliseconds between two exports.
      OTEL_BSP_SCHEDULE_DELAY: '100',
    });
    client = await service.client();
  });
  afterAll(async () => {
    service.child.kill('SIGTERM');
    await once(service.child, 'exit');
    collector.close();
    await database.drop();
  });

  it('exports a span for a request, which continues the trace of the client', async () => {
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    const id = 'request-of-this-test';
    await client.get('/api/users/7?secret=hunter2', {
      headers: { traceparent, 'x-request-id': id },
    });
    const [span] = await spansNamed('GET /api/users/:id', TRACE);
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
    expect(attributesOf(span!)).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/api/users/:id',
      'url.path': '/api/users/7',
      request_id: id,
    });
    expect(JSON.stringify(received)).not.toContain('hunter2');
  });

  it('exports a span for each query, below that of its request and without values', async () => {
    const { body } = await client.send('POST', '/api/users', {
      json: { name: 'a traced name', password: 'a traced password' },
    });
    const [request] = await spansNamed('POST /api/users');
    const [insert] = await spansNamed('INSERT users', request!.traceId);
    expect(insert!.parentSpanId).toBe(request!.spanId);
    expect(attributesOf(insert!)).toMatchObject({
      'db.system.name': engine === 'sqlite' ? 'sqlite' : 'postgresql',
      'db.operation.name': 'INSERT',
      'db.collection.name': 'users',
      'db.query.text': expect.stringMatching(/^INSERT INTO "users"/),
    });
    await client.get(`/api/users/${String(body.id)}`);
    const [read] = await spansNamed('SELECT users');
    expect(read!.parentSpanId).toBeDefined();
    expect(JSON.stringify(received)).not.toMatch(/a traced (name|password)/);
  });

  it('names the service in each export', async () => {
    await spansNamed('GET /api/users/:id', TRACE);
    const { resource } = received[0]!.resourceSpans[0]!;
    expect(attributesOf(resource)).toMatchObject({
      'service.name': 'lamps',
      'service.version': expect.any(String),
    });
  });

  it('shows that a repeated request with an Idempotency-Key costs one query, and those of the password check', async () => {
    const traceId = `${TRACE.slice(0, -1)}f`;
    const register = (headers: Record<string, string>) =>
      client.send('POST', '/api/users', {
        json: { name: 'registered once', password: 'a password' },
        headers: { 'idempotency-key': '"k1"', ...headers },
      });
    await register({});
    const again = await register({ traceparent: `00-${traceId}-${PARENT}-01` });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const [request] = await spansNamed('POST /api/users', traceId);
    const queries = spans().filter(({ parentSpanId }) => parentSpanId === request!.spanId);
    expect(queries.map(({ name }) => name)).toEqual([
      'SELECT idempotency_records',
      'SELECT users',
      'SELECT login_failures',
    ]);
  });

  it('keeps the queries of concurrent writes with their requests', async () => {
    const names = ['first', 'second', 'third', 'fourth'];
    await Promise.all(
      names.map((name, index) =>
        client.send('POST', '/api/users', {
          json: { name: `concurrent ${name}`, password: 'a password' },
          headers: { traceparent: `00-${TRACE.slice(0, -1)}${index}-${PARENT}-01` },
        }),
      ),
    );
    for (const index of names.keys()) {
      const traceId = `${TRACE.slice(0, -1)}${index}`;
      const [request] = await spansNamed('POST /api/users', traceId);
      const inserts = await spansNamed('INSERT users', traceId);
      expect(inserts.map(({ parentSpanId }) => parentSpanId)).toEqual([request!.spanId]);
    }
  });
});
