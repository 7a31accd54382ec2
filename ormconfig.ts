import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { AppConfig } from './src/config/app-config.js';
import { dataSourceOptions } from './src/database/data-source-options.js';
import { entities } from './src/entities.js';

/** For TypeORM's command line (`npm run migration:…`): the database that the settings name. */
export default new DataSource(dataSourceOptions(AppConfig.load().database, entities));
