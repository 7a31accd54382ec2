import 'reflect-metadata';
import { AppConfig } from './src/config/app-config.js';
import { dataSourceOptions } from './src/database/data-source-options.js';
import { MigrationSource } from './src/database/migration-source.js';
import { prepareSqliteFile } from './src/database/sqlite/sqlite-file.js';
import { entities } from './src/entities.js';

const { database } = AppConfig.load({ needsKey: false });

class CommandSource extends MigrationSource {
  /** Makes a missing SQLite file as the start does, and refuses what the start refuses. */
  override async initialize(): Promise<this> {
    if (database.engine === 'sqlite') await prepareSqliteFile(database, entities);
    return super.initialize();
  }
}

/** For TypeORM's command line (`npm run migration:…`): the database that the settings name. */
export default new CommandSource(dataSourceOptions(database, entities));
