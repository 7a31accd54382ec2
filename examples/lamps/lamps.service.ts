import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../../src/database/database.js';
import { removeInBatches } from '../../src/database/remove-in-batches.js';
import { Rows } from '../../src/database/rows.js';
import { StartError } from '../../src/errors/start-error.js';
import { listFields } from '../../src/lists/list-fields.js';
import type { ListQuery } from '../../src/lists/list-query.js';
import { ListReader } from '../../src/lists/list-reader.js';
import type { Page } from '../../src/lists/page.js';
import { PeriodicJobsService } from '../../src/scheduling/periodic-jobs.service.js';
import { hexColour } from './hex-colour.list-field.js';
import { Lamp } from './lamp.entity.js';

/** The fields of lists, one of them of a type of one's own. */
export const lampFields = listFields(Lamp, ['id', 'colour'], { types: { colour: hexColour } });

export class LampOptions {
  /** Days after which lamps are removed. */
  maxAge: number;
}

@Injectable()
export class LampsService implements OnModuleInit {
  private readonly rows: Rows<Lamp>;
  private readonly lists: ListReader<Lamp>;

  constructor(
    private readonly database: Database,
    private readonly options: LampOptions,
    jobs: PeriodicJobsService,
  ) {
    this.rows = new Rows(database, Lamp);
    this.lists = new ListReader(database, Lamp, lampFields);
    // A job of one's own: it runs at the start and then every hour. Shutdown waits for a run.
    jobs.add({
      name: 'remove old lamps',
      interval: 3_600_000,
      run: (signal) => this.removeOld(signal),
    });
  }

  /** A start-up check of one's own: the service prints the message, and does not start. */
  onModuleInit(): void {
    if (this.options.maxAge >= 1) return;
    throw new StartError('LampOptions.maxAge must be at least one day.');
  }

  list(query: ListQuery): Promise<Page<Lamp>> {
    return this.lists.page(query);
  }

  create(colour: number): Promise<Lamp> {
    return this.rows.insert({ colour, createdAt: Date.now() });
  }

  private async removeOld(signal: AbortSignal): Promise<void> {
    const timestamp = Date.now() - this.options.maxAge * 24 * 3_600_000;
    await removeInBatches(
      this.database,
      Lamp,
      { key: 'id', column: 'createdAt', timestamp },
      signal,
    );
  }
}
