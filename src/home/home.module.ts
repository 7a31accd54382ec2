import { Module } from '@nestjs/common';
import { DemoLoginsService } from './demo-logins.service.js';
import { FirstRequestService } from './first-request.service.js';
import { HomeController } from './home.controller.js';

@Module({
  controllers: [HomeController],
  providers: [DemoLoginsService, FirstRequestService],
  exports: [DemoLoginsService, FirstRequestService],
})
export class HomeModule {}
