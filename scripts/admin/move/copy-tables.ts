import { messageOf } from '../../../src/errors/error-message.js';
import { StartError } from '../../../src/errors/start-error.js';
import type { Progress } from '../progress.js';
import type { MovedDatabase, MoveTarget } from './moved-database.js';
import { type Checksum, checksumOf, type TableShape } from './table-shape.js';

/** A table that was moved. */
export interface MovedTable extends Checksum {
  name: string;
}

/** Copies the rows after the last one that the target has. Each batch is one transaction. */
export async function copyTable(
  source: MovedDatabase,
  target: MoveTarget,
  shape: TableShape,
  progress: Progress,
): Promise<void> {
  const { name } = shape;
  const total = await source.count(name);
  const last = await target.lastKey(shape);
  let copied = last === null ? 0 : await target.count(name);
  progress.update(`copy ${name}`, copied, total);
  try {
    for await (const rows of source.read(shape, last)) {
      await target.insert(shape, rows);
      copied += rows.length;
      progress.update(`copy ${name}`, copied, total);
    }
  } catch (error) {
    throw new StartError(
      `The table ${name} was not copied beyond row ${copied}: ${messageOf(error)}. The target stays incomplete. After the cause is removed, the same command continues.`,
      { cause: error },
    );
  }
}

interface Verification {
  shapes: readonly TableShape[];
  /**
   * Whether the rows may be from an earlier, interrupted move. The source may have changed since then,
   * so that tables that differ are copied again.
   */
  isContinued: boolean;
  progress: Progress;
}

/** @throws StartError if a table has other rows than its copy */
export async function verifyTables(
  source: MovedDatabase,
  target: MoveTarget,
  { shapes, isContinued, progress }: Verification,
): Promise<MovedTable[]> {
  const moved: MovedTable[] = [];
  for (const shape of shapes) {
    const expected = await checksum(source, shape, progress);
    let actual = await checksum(target, shape, progress);
    if (!isSame(expected, actual) && isContinued) {
      await target.clear(shape);
      await copyTable(source, target, shape, progress);
      actual = await checksum(target, shape, progress);
    }
    if (!isSame(expected, actual)) throw differs(shape, expected, actual);
    moved.push({ name: shape.name, ...actual });
  }
  return moved;
}

async function checksum(
  database: MovedDatabase,
  shape: TableShape,
  progress: Progress,
): Promise<Checksum> {
  const { name } = shape;
  const total = await database.count(name);
  return checksumOf(database.read(shape, null), (rows) =>
    progress.update(`compare ${name}`, rows, total),
  );
}

function isSame(one: Checksum, other: Checksum): boolean {
  return one.rows === other.rows && one.sha256 === other.sha256;
}

function differs({ name }: TableShape, expected: Checksum, actual: Checksum): StartError {
  const counts = `${expected.rows} rows in the source, ${actual.rows} in the target`;
  return new StartError(
    `The table ${name} differs from its copy (${counts}). The source has probably changed during the move. Stop all instances of the service, and run the same command again.`,
  );
}
