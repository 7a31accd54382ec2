import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { AppConfig } from './src/config/app-config.js';
import { dataSourceOptions } from './src/database/data-source-options.js';
import { makeDatabaseFile } from './src/database/sqlite-file.js';
import { entities } from './src/entities.js';

const { database } = AppConfig.load({ needsKey: false });
if (database.engine === 'sqlite') makeDatabaseFile(database.file);

/** For TypeORM's command line (`npm run migration:…`): the database that the settings name. */
export default new DataSource(dataSourceOptions(database, entities));
