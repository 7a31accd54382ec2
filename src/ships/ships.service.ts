import { Injectable } from '@nestjs/common';
import { ApiError, notFound } from '../errors/api-error.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/page.js';
import { type NewShip, ShipRepository } from './ship.repository.js';
import type { Ship } from './ship.entity.js';

@Injectable()
export class ShipsService {
  constructor(private readonly ships: ShipRepository) {}

  list(query: ListQuery): Promise<Page<Ship>> {
    return this.ships.list(query);
  }

  /** @throws ApiError `not_found` */
  async get(id: number): Promise<Ship> {
    const ship = await this.ships.findById(id);
    if (!ship) throw new ApiError(notFound);
    return ship;
  }

  create(values: NewShip): Promise<Ship> {
    return this.ships.add(values);
  }

  /** @throws ApiError `not_found` */
  async replace(id: number, values: NewShip): Promise<Ship> {
    if (!(await this.ships.update(id, values))) throw new ApiError(notFound);
    return { ...values, id };
  }

  /** @throws ApiError `not_found` */
  async remove(id: number): Promise<void> {
    if (!(await this.ships.remove(id))) throw new ApiError(notFound);
  }
}
