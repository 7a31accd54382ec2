import { Module } from '@nestjs/common';
import { DemoDataModule } from '../demo/demo-data.module.js';
import { HomeController } from './home.controller.js';

@Module({ imports: [DemoDataModule], controllers: [HomeController] })
export class HomeModule {}
