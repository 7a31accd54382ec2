import { Injectable } from '@nestjs/common';
import type { Precondition } from '../database/versions/precondition.js';
import type { Values } from '../database/rows.js';
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
  get(id: number): Promise<Ship> {
    return this.ships.rows.get(id);
  }

  create(values: Values<Ship>): Promise<Ship> {
    return this.ships.rows.insert(values);
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  replace(id: number, values: Values<Ship>, precondition: Precondition): Promise<Ship> {
    return this.ships.rows.replace(id, values, precondition);
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  patch(id: number, values: Partial<Values<Ship>>, precondition: Precondition): Promise<Ship> {
    return this.ships.rows.patch(id, values, precondition);
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  remove(id: number, precondition: Precondition): Promise<void> {
    return this.ships.rows.delete(id, precondition);
  }
}
