import type { JwtSettings } from '../config/jwt-settings.js';
import { StartError } from '../errors/start-error.js';
import { SharedRuns } from '../scheduling/shared-runs.js';
import { KeyChangeLog } from './key-change-log.js';
import { KeyRing } from './key-ring.js';
import type { KeyTable } from './key-table.js';
import type { TokenKey } from './token-key.js';
import { configuredKey, TokenKeys } from './token-keys.js';

/** Milliseconds. A change is effective at every instance within a second. */
const POLL_INTERVAL = 250;
/** Milliseconds between two queries, at least: a flood of unknown ids costs ten a second. */
const MIN_INTERVAL = 100;

/** The configured key and those of the database, which are loaded in the background. */
export class DatabaseTokenKeys extends TokenKeys {
  override readonly pollInterval = POLL_INTERVAL;
  private readonly log = new KeyChangeLog();
  private readonly reloads = new SharedRuns(() => this.reloadIfChanged(), MIN_INTERVAL);

  private constructor(
    private readonly configured: TokenKey | null,
    private readonly table: KeyTable,
    private revision: number,
    private latest: KeyRing,
  ) {
    super();
  }

  /**
   * @throws StartError if there is no key that can sign, or the keys cannot be opened
   * @throws ApiError 503 if the database does not answer
   */
  static async load(settings: JwtSettings, table: KeyTable): Promise<DatabaseTokenKeys> {
    // Creates no secret file, because the instances on other machines would not have it.
    const configured = configuredKey(settings, { make: false });
    const { revision, content } = await table.load();
    return new DatabaseTokenKeys(configured, table, revision, new KeyRing(configured, content));
  }

  override get ring(): KeyRing {
    return this.latest;
  }

  override reload(): Promise<void> {
    return this.reloads.run();
  }

  private async reloadIfChanged(): Promise<void> {
    const revision = await this.table.revision();
    if (revision === this.revision) {
      this.log.settled();
      return;
    }
    try {
      await this.loadNewer();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      // The loaded keys are kept, so that sessions stay valid until the table is repaired.
      this.log.failed(String(revision), error);
    }
  }

  private async loadNewer(): Promise<void> {
    const { revision, content } = await this.table.load();
    if (revision < this.revision) {
      // With an earlier row, a retired key would be valid again.
      throw new StartError(
        `The keys in the database have revision ${revision}, but revision ${this.revision} is loaded; restart the service if a backup was restored.`,
      );
    }
    this.latest = new KeyRing(this.configured, content);
    this.revision = revision;
    this.log.changed(this.latest);
  }
}
