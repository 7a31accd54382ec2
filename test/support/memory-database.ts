import type BetterSqlite3 from 'better-sqlite3';
import { DataSource, type EntityManager, type EntitySchema, type ObjectLiteral } from 'typeorm';
import { Database, type DatabaseLoad } from '../../src/database/database.js';
import {
  type BuildSelect,
  compileSelect,
  countingSql,
  type Select,
  type Value,
} from '../../src/database/select.js';
import { loadSqliteDriver } from '../../src/database/sqlite/sqlite-driver.js';

/** A database in memory for unit specs of SQL conditions, without migrations and transactions. */
export class MemoryDatabase extends Database {
  /** The number of writes that were started. */
  writes = 0;
  /** The options of the selects, in the order in which they were prepared. */
  readonly selects: BuildSelect<ObjectLiteral, string>[] = [];
  private readonly source: DataSource;

  constructor(entities: ((new () => object) | EntitySchema)[]) {
    super();
    const driver = loadSqliteDriver().Sqlite;
    const options = { type: 'better-sqlite3', driver, database: ':memory:' } as const;
    this.source = new DataSource({ ...options, entities, synchronize: true });
  }

  override async open(): Promise<void> {
    await this.source.initialize();
  }

  override async close(): Promise<void> {
    await this.source.destroy();
  }

  override async check(): Promise<void> {}

  override async missingMigrations(): Promise<string[]> {
    return [];
  }

  override async missingSchema(): Promise<string[]> {
    return [];
  }

  get manager(): EntityManager {
    return this.source.manager;
  }

  override write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    this.writes++;
    return work(this.manager);
  }

  override select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter> {
    this.selects.push(build);
    const all: Select<Entity, Parameter>['all'] = async (values) => {
      const { sql, bind, hydrate } = compileSelect(this.source, build);
      return this.connection
        .prepare<unknown[], unknown[]>(sql)
        .raw()
        .all(bind(values))
        .map(hydrate);
    };
    const bounded = (): Promise<never> => Promise.reject(new Error('Not implemented.'));
    const sql = () => compileSelect(this.source, build).sql;
    return { sql, all, bounded, first: async (values) => (await all(values))[0] };
  }

  override async count<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
    values: Record<Parameter, Value>,
    max: number,
  ): Promise<number> {
    const compiled = compileSelect(this.source, build);
    const statement = this.connection.prepare<unknown[], number>(countingSql(compiled, max));
    return statement.pluck().get(compiled.bind(values))!;
  }

  override load(): DatabaseLoad {
    return { engine: 'sqlite', queuedWrites: 0, fileSize: 0, logSize: 0 };
  }

  /** A database in memory has no write-ahead log. */
  override async clearLog(): Promise<boolean> {
    return true;
  }

  override listHolds(column: string, parameter: string): string {
    return `EXISTS (SELECT 1 FROM json_each(${column}) WHERE value = ${parameter})`;
  }

  protected override isUniqueViolation(): boolean {
    return false;
  }

  private get connection(): BetterSqlite3.Database {
    return (this.source.driver as unknown as { databaseConnection: BetterSqlite3.Database })
      .databaseConnection;
  }
}
