import type { Feature } from './config/feature.js';
import { ShipsModule } from './ships/ships.module.js';
import { BooksModule } from './books/books.module.js';
import { BookstoreModule } from './bookstore/bookstore.module.js';
import { DemoDataModule } from './demo/demo-data.module.js';
import { DemoShipsModule } from './demo/demo-ships.module.js';

/**
 * The modules of the features. `npm run generate -- resource` adds a line, and so does everyone who
 * writes a feature by hand. Upgrades of the template do not change this file.
 */
export const features: readonly Feature[] = [
  ShipsModule,
  BooksModule,
  { module: BookstoreModule, isEnabled: ({ bookstore }) => bookstore.enabled },
  DemoDataModule,
  DemoShipsModule,
];
