import { Injectable } from '@nestjs/common';
import type { Values } from '../database/rows.js';
import { ApiError, notFound } from '../errors/api-error.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/page.js';
import { ShipRepository } from './ship.repository.js';
import type { Ship } from './ship.entity.js';

@Injectable()
export class ShipsService {
  constructor(private readonly ships: ShipRepository) {}

  list(query: ListQuery): Promise<Page<Ship>> {
    return this.ships.lists.page(query);
  }

  /** @throws ApiError `not_found` */
  async get(id: number): Promise<Ship> {
    const ship = await this.ships.rows.find(id);
    if (!ship) throw new ApiError(notFound);
    return ship;
  }

  create(values: Values<Ship>): Promise<Ship> {
    return this.ships.rows.insert(values);
  }

  /** @throws ApiError `not_found` */
  async replace(id: number, values: Values<Ship>): Promise<Ship> {
    if (!(await this.ships.rows.update(id, values))) throw new ApiError(notFound);
    return { ...values, id };
  }

  /** @throws ApiError `not_found` */
  async remove(id: number): Promise<void> {
    if (!(await this.ships.rows.delete(id))) throw new ApiError(notFound);
  }
}
