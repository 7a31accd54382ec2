import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { packageRoot } from '../config/package-root.js';
import { FirstRequestService } from '../home/first-request.service.js';
import { firstPage } from '../lists/list-query.js';
import type { CreateShip } from '../ships/dto/ship-body.dto.js';
import { Ship } from '../ships/ship.entity.js';
import { ShipsService } from '../ships/ships.service.js';
import { valuesOf } from '../validation/columns.js';
import { DemoDataService } from './demo-data.service.js';

/** Adds the ships of the Flask API to the demo data. */
@Injectable()
export class DemoShipsService {
  constructor(
    private readonly ships: ShipsService,
    demoData: DemoDataService,
    firstRequest: FirstRequestService,
    config: AppConfig,
  ) {
    demoData.register({ isEmpty: () => this.isEmpty(), add: () => this.add() });
    if (config.demoData) firstRequest.suggest('/api/ships/1');
  }

  private async isEmpty(): Promise<boolean> {
    return (await this.ships.list(firstPage(1))).rows.length === 0;
  }

  private async add(): Promise<void> {
    const file = join(packageRoot, 'data', 'demo-ships.json');
    const ships = JSON.parse(readFileSync(file, 'utf8')) as CreateShip[];
    for (const ship of ships) await this.ships.create(valuesOf(Ship, ship));
  }
}
