import 'reflect-metadata';
import { AppConfig } from './src/config/app-config.js';
import { dataSourceOptions } from './src/database/data-source-options.js';
import { MigrationSource } from './src/database/migration-source.js';
import { prepareSqliteFile } from './src/database/sqlite/sqlite-file.js';
// The module imports the entities, which TypeORM compares with the database.
import './src/app.module.js';

const { database } = AppConfig.load({ needsKey: false });

class CommandSource extends MigrationSource {
  /** Creates and checks the SQLite file in the same way as the start of the service. */
  override async initialize(): Promise<this> {
    if (database.engine === 'sqlite') await prepareSqliteFile(database);
    return super.initialize();
  }
}

/** The configured database, for TypeORM's command line (`npm run migration:…`). */
export default new CommandSource(dataSourceOptions(database));
