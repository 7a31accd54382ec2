import type { EntityManager } from 'typeorm';
import type { SealingSecrets } from '../config/keys/key-store-settings.js';
import type { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { StartError } from '../errors/start-error.js';
import { type KeyContent, noKeys } from './key-content.js';
import type { KeyStore } from './key-store.js';
import { openSealedKeys, sealKeys } from './sealed-keys.js';
import { openStoredKey } from './stored-key.js';
import { ONLY_ROW, StoredTokenKeys } from './stored-token-keys.entity.js';

/** Keys, and how often they were changed. */
interface RevisedKeys {
  /** 0 before the first change. */
  revision: number;
  content: KeyContent;
}

/** The table `token_keys`, which holds the sealed keys in one row. */
export class KeyTable implements KeyStore {
  readonly name = 'database';
  private readonly row: Select<StoredTokenKeys, never>;
  private readonly revisionOnly: Select<StoredTokenKeys, never>;

  constructor(
    private readonly database: Database,
    private readonly secrets: SealingSecrets,
  ) {
    const query = (manager: EntityManager) =>
      manager.createQueryBuilder(StoredTokenKeys, 'stored').where(`stored.id = ${ONLY_ROW}`);
    this.row = database.select({ parameters: [], lock: 'exclusive', query });
    this.revisionOnly = database.select({
      parameters: [],
      query: (manager) => query(manager).select('stored.revision'),
    });
  }

  /** @throws ApiError 503 if the database does not answer */
  async revision(): Promise<number> {
    return (await this.revisionOnly.first({}))?.revision ?? 0;
  }

  /**
   * @throws StartError if the keys cannot be opened
   * @throws ApiError 503 if the database does not answer
   */
  async load(): Promise<RevisedKeys> {
    const row = await this.row.first({});
    if (!row || row.revision === 0) return { revision: 0, content: noKeys() };
    return { revision: row.revision, content: openSealedKeys(row, this.secrets) };
  }

  /** As `load`. */
  async read(): Promise<KeyContent | null> {
    const { revision, content } = await this.load();
    return revision === 0 ? null : content;
  }

  /** Seals the content with the current secret, also if `work` changes nothing. */
  change(work: (content: KeyContent) => void): Promise<void> {
    return this.database.write(async (manager) => {
      // Ensures that there is a row to lock. Concurrent changes then wait for each other.
      const first = { id: ONLY_ROW, revision: 0, sealed: '' };
      const insert = manager.createQueryBuilder().insert().into(StoredTokenKeys).values(first);
      await insert.orIgnore().execute();
      const { revision, content } = await this.load();
      work(content);
      // Content that no service could load is not written.
      content.keys.forEach(openStoredKey);
      await updateIfUnchanged(manager, revision, sealKeys(content, revision + 1, this.secrets));
    });
  }
}

async function updateIfUnchanged(
  manager: EntityManager,
  revision: number,
  sealed: ReturnType<typeof sealKeys>,
): Promise<void> {
  const { affected } = await manager.update(StoredTokenKeys, { id: ONLY_ROW, revision }, sealed);
  if (affected === 0) throw new StartError('Another command changed the keys; try again.');
}
