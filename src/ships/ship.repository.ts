import { Injectable } from '@nestjs/common';
import { THIS_ID } from '../http/resource-id.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader } from '../lists/list-reader.js';
import type { Page } from '../lists/page.js';
import { shipFields } from './ship-fields.js';
import { Ship } from './ship.entity.js';

export type NewShip = Omit<Ship, 'id'>;

@Injectable()
export class ShipRepository {
  private readonly lists: ListReader<Ship>;
  private readonly byId: Select<Ship, 'id'>;

  constructor(private readonly database: Database) {
    this.lists = new ListReader(database, Ship, shipFields);
    this.byId = database.select({
      parameters: ['id'],
      query: (manager) => manager.createQueryBuilder(Ship, 'ship').where(`ship.${THIS_ID}`),
    });
  }

  list(query: ListQuery): Promise<Page<Ship>> {
    return this.lists.page(query);
  }

  findById(id: number): Promise<Ship | undefined> {
    return this.byId.first({ id });
  }

  async add(values: NewShip): Promise<Ship> {
    return this.database.write(async (manager) => {
      const { identifiers } = await manager.insert(Ship, { ...values });
      return { ...values, id: identifiers[0]?.id as number };
    });
  }

  /** @returns whether the ship existed */
  async update(id: number, values: NewShip): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .update(Ship)
        .set(values)
        .where(THIS_ID, { id })
        .execute();
      return affected !== 0;
    });
  }

  /** @returns whether the ship existed */
  async remove(id: number): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(Ship)
        .where(THIS_ID, { id })
        .execute();
      return affected !== 0;
    });
  }
}
