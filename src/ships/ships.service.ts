import { Injectable } from '@nestjs/common';
import { ApiError, notFound } from '../common/api-error.js';
import type { Page } from '../common/page.js';
import { type NewShip, ShipRepository } from './ship.repository.js';
import type { Ship } from './ship.js';

@Injectable()
export class ShipsService {
  constructor(private readonly ships: ShipRepository) {}

  /** One more than the page may hold, where there is one. */
  list(page: Page): Promise<Ship[]> {
    return this.ships.list(page);
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
