import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { Rows } from '../database/rows.js';
import { ListReader } from '../lists/list-reader.js';
import { shipFields } from './ship-fields.js';
import { Ship } from './ship.entity.js';

@Injectable()
export class ShipRepository {
  readonly rows: Rows<Ship>;
  readonly lists: ListReader<Ship>;

  constructor(database: Database) {
    this.rows = new Rows(database, Ship);
    this.lists = new ListReader(database, Ship, shipFields);
  }
}
