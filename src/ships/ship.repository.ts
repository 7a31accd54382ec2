import { Injectable } from '@nestjs/common';
import type { Page } from '../common/page.js';
import { THIS_ID } from '../common/resource-id.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { Ship } from './ship.js';

export type NewShip = Omit<Ship, 'id'>;

@Injectable()
export class ShipRepository {
  private readonly page: Select<Ship, keyof Page>;
  private readonly byId: Select<Ship, 'id'>;

  constructor(private readonly database: Database) {
    this.page = database.select({
      parameters: ['after'],
      limit: 'limit',
      query: (manager) =>
        manager
          .createQueryBuilder(Ship, 'ship')
          .where('ship.id > CAST(:after AS bigint)')
          .orderBy('ship.id'),
    });
    this.byId = database.select({
      parameters: ['id'],
      query: (manager) => manager.createQueryBuilder(Ship, 'ship').where(`ship.${THIS_ID}`),
    });
  }

  /** One more than the page may hold, where there is one. */
  list({ limit, after }: Page): Promise<Ship[]> {
    return this.page.all({ after, limit: limit + 1 });
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

  /** @returns whether the ship was there */
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

  /** @returns whether the ship was there */
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
