import { Module } from '@nestjs/common';
import { HomeModule } from '../home/home.module.js';
import { ShipsModule } from '../ships/ships.module.js';
import { DemoDataModule } from './demo-data.module.js';
import { DemoShipsService } from './demo-ships.service.js';

@Module({ imports: [DemoDataModule, HomeModule, ShipsModule], providers: [DemoShipsService] })
export class DemoShipsModule {}
