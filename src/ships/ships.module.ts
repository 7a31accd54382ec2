import { Module } from '@nestjs/common';
import { ShipRepository } from './ship.repository.js';
import { ShipsController } from './ships.controller.js';
import { ShipsService } from './ships.service.js';

@Module({
  controllers: [ShipsController],
  providers: [ShipsService, ShipRepository],
  exports: [ShipsService],
})
export class ShipsModule {}
