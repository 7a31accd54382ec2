import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BodyClassesService } from './body-classes.service.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [BodyClassesService],
  exports: [BodyClassesService],
})
export class ValidationModule {}
