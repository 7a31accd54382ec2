import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Column,
  CreateDateColumn,
  DataSource,
  Entity,
  Generated,
  PrimaryGeneratedColumn,
  type QueryRunner,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import { deleteRows, updateRows } from '../../../src/database/statements/change-rows.js';
import { insertNumberedRow, insertRow } from '../../../src/database/statements/insert-row.js';

class Size {
  @Column('integer')
  width: number;

  @Column('integer', { nullable: true })
  height: number | null;
}

@Entity('notes')
class Note {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('varchar', { name: 'note_text' })
  text: string;

  @Column('integer', { default: 7 })
  priority: number;

  @Column('simple-json', { default: '[]' })
  tags: string[];

  @Column(() => Size)
  size: Size;

  @Column('varchar')
  @Generated('uuid')
  publicId: string;

  @CreateDateColumn()
  createdAt: Date;

  @UpdateDateColumn()
  updatedAt: Date;

  @VersionColumn()
  revision: number;
}

describe('Statements', () => {
  let source: DataSource;
  let query: jest.SpiedFunction<QueryRunner['query']>;
  const note = { text: 'Buy lamps', priority: 3, size: { width: 20, height: null } };

  beforeEach(async () => {
    const { Sqlite: driver } = loadSqliteDriver();
    const options = { type: 'better-sqlite3', database: ':memory:', synchronize: true } as const;
    source = await new DataSource({ ...options, driver, entities: [Note] }).initialize();
    query = jest.spyOn(source.createQueryRunner(), 'query');
  });
  afterEach(() => source.destroy());

  const texts = () => query.mock.calls.map(([text]) => text);
  const find = (id: number) => source.manager.findOneByOrFail(Note, { id });

  it('insert a row as TypeORM does, with defaults, dates, a version and a UUID of its own', async () => {
    const ids = [
      await insertNumberedRow(source.manager, Note, note),
      await insertNumberedRow(source.manager, Note, { ...note, tags: ['a', "b'"] }),
    ];
    expect(ids).toEqual([1, 2]);
    const [first, second] = [await find(1), await find(2)];
    expect(first).toMatchObject({ ...note, id: 1, tags: [], revision: 1 });
    expect(second).toMatchObject({ ...note, id: 2, tags: ['a', "b'"], revision: 1 });
    expect(first.createdAt).toBeInstanceOf(Date);
    expect(first.publicId).toMatch(/^[\da-f-]{36}$/);
    expect(second.publicId).not.toBe(first.publicId);
  });

  it('leave out values that are undefined, and store null', async () => {
    const values = { ...note, priority: undefined, publicId: 'x' };
    await insertRow(source.manager, Note, values as object);
    expect(await find(1)).toMatchObject({ priority: 7, size: { width: 20, height: null } });
  });

  it('have one text for all rows, so that SQLite compiles it once', async () => {
    for (const n of [1, 2, 3]) {
      await insertRow(source.manager, Note, { ...note, priority: n, publicId: `p${n}` });
      await updateRows(
        source.manager,
        Note,
        { priority: n * 10 },
        { sql: 'id = :id', values: { id: n } },
      );
    }
    await deleteRows(source.manager, Note, { sql: 'id = :id', values: { id: 2 } });
    await deleteRows(source.manager, Note, { sql: 'id = :id', values: { id: 3 } });
    expect(new Set(texts()).size).toBe(3);
    expect(await find(1)).toMatchObject({ priority: 10 });
    expect(await source.manager.count(Note)).toBe(1);
  });

  it('update the rows of a condition, with their dates and versions, and return their number', async () => {
    for (const n of [1, 2, 3]) await insertRow(source.manager, Note, { ...note, priority: n });
    const changes = { text: 'Done', size: { width: 1, height: 2 }, tags: ['z'] };
    const where = {
      sql: 'priority > :least AND note_text = :text',
      values: { least: 1, text: note.text },
    };
    expect(await updateRows(source.manager, Note, changes, where)).toBe(2);
    expect(await updateRows(source.manager, Note, changes, where)).toBe(0);
    expect(await find(1)).toMatchObject({ text: note.text, revision: 1 });
    expect(await find(3)).toMatchObject({ ...changes, priority: 3, revision: 2 });
  });

  it('differ for other columns, other conditions, and an id that is returned', async () => {
    const where = { sql: 'id = :id', values: { id: 1 } };
    const others = { sql: 'id <> :id', values: { id: 1 } };
    await insertRow(source.manager, Note, { ...note, publicId: 'a' });
    await insertRow(source.manager, Note, { ...note, publicId: 'b', tags: ['b'] });
    await insertRow(source.manager, Note, { ...note, publicId: 'c' });
    await updateRows(source.manager, Note, { priority: 5 }, where);
    await updateRows(source.manager, Note, { text: 'Done' }, where);
    await updateRows(source.manager, Note, { text: 'Open' }, others);
    expect(await find(1)).toMatchObject({ priority: 5, text: 'Done', tags: [] });
    expect(await find(2)).toMatchObject({ priority: 3, text: 'Open', tags: ['b'] });
    expect(await deleteRows(source.manager, Note, { sql: 'id > :id', values: { id: 2 } })).toBe(1);
    expect(await deleteRows(source.manager, Note, { ...others, values: { id: 2 } })).toBe(1);
    expect(await source.manager.find(Note)).toHaveLength(1);
  });

  it('return the id on PostgreSQL, if it is wanted', async () => {
    const postgres = new DataSource({ type: 'postgres', entities: [Note] });
    await (postgres as unknown as { buildMetadatas(): Promise<void> }).buildMetadatas();
    const sent: string[] = [];
    const runner = {
      query: (text: string) => {
        sent.push(text);
        return Promise.resolve({ raw: [{ id: 8 }], affected: 1 });
      },
    };
    const manager = postgres.createEntityManager(runner as unknown as QueryRunner);
    const values = { ...note, publicId: 'x' };
    await insertRow(manager, Note, values);
    expect(await insertNumberedRow(manager, Note, values)).toBe(8);
    expect(sent.map((text) => /RETURNING id$/.test(text))).toEqual([false, true]);
  });

  it('are kept for 100 shapes of an entity, and are built again for others', async () => {
    await insertRow(source.manager, Note, { ...note, publicId: 'x' });
    for (let n = 0; n < 150; n++) {
      const names = Array.from({ length: n + 1 }, (_, i) => `v${i}`);
      const values = Object.fromEntries(names.map((name) => [name, 1]));
      const sql = `revision IN (${names.map((name) => `:${name}`).join(', ')})`;
      const changed = await updateRows(source.manager, Note, { priority: n }, { sql, values });
      expect(changed).toBe(n === 0 ? 1 : 0);
    }
  });
});
