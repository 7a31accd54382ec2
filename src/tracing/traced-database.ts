import {
  type Attributes,
  context,
  createContextKey,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import type { EntityManager, QueryRunner } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Select } from '../database/select.js';

/** Set in the context of code that runs within a write. */
const IN_WRITE = createContextKey('nest-rest-jwt write');

/**
 * Adds a span for each query: the prepared reads, and the statements of writes. A span has the SQL
 * with its placeholders, and never a value.
 */
export function traceDatabase(database: Database, tracer: Tracer): void {
  const { engine } = database.load();
  const system = engine === 'sqlite' ? 'sqlite' : 'postgresql';
  const traced: Traced = (sql, run) => runInSpan(tracer, describe(sql, system), run);
  const select = database.select.bind(database);
  database.select = (build) =>
    tracedSelect(select(build), (sql, run) =>
      // On PostgreSQL such a read is a statement of the write, which has a span already.
      engine === 'postgres' && isInWrite() ? run() : traced(sql, run),
    );
  const write = database.write.bind(database);
  database.write = (work) => {
    // SQLite's queue runs writes in the context of an earlier request.
    const inWrite = context.active().setValue(IN_WRITE, true);
    return write((manager) => context.with(inWrite, () => work(tracedManager(manager, traced))));
  };
}

type Traced = <T>(sql: string, run: () => Promise<T>) => Promise<T>;

function isInWrite(): boolean {
  return context.active().getValue(IN_WRITE) === true;
}

function tracedSelect<Entity, Parameter extends string>(
  select: Select<Entity, Parameter>,
  traced: Traced,
): Select<Entity, Parameter> {
  return {
    sql: select.sql,
    all: (...read) => traced(select.sql(), () => select.all(...read)),
    bounded: (...read) => traced(select.sql(), () => select.bounded(...read)),
    first: (...read) => traced(select.sql(), () => select.first(...read)),
  };
}

const tracedRunners = new WeakSet<QueryRunner>();

/** Traces the statements of the connection of the manager. SQLite has one for all writes. */
function tracedManager(manager: EntityManager, traced: Traced): EntityManager {
  const runner = manager.queryRunner ?? manager.dataSource.createQueryRunner('master');
  if (tracedRunners.has(runner)) return manager;
  tracedRunners.add(runner);
  const query = runner.query.bind(runner) as (...words: unknown[]) => Promise<unknown>;
  Object.assign(runner, {
    query: (sql: string, ...more: unknown[]) => traced(sql, () => query(sql, ...more)),
  });
  return manager;
}

/** Names and attributes by the semantic conventions of OpenTelemetry for databases. */
function describe(sql: string, system: string): { name: string; attributes: Attributes } {
  const [operation = ''] = /^\w+/.exec(sql.trimStart()) ?? [];
  const [, table] = /\b(?:FROM|INTO|UPDATE)\s+"?(\w+)/i.exec(sql) ?? [];
  const name = [operation.toUpperCase(), table].filter(Boolean).join(' ');
  return {
    name,
    attributes: {
      'db.system.name': system,
      'db.operation.name': operation.toUpperCase(),
      'db.query.text': sql,
      ...(table !== undefined && { 'db.collection.name': table }),
    },
  };
}

function runInSpan<T>(
  tracer: Tracer,
  { name, attributes }: ReturnType<typeof describe>,
  run: () => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    try {
      return await run();
    } catch (error) {
      // Not the message, which may contain the values of the statement.
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', error instanceof Error ? error.name : 'Error');
      throw error;
    } finally {
      span.end();
    }
  });
}
