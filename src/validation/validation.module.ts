import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BodyClasses } from './body-classes.js';

@Global()
@Module({ imports: [DiscoveryModule], providers: [BodyClasses], exports: [BodyClasses] })
export class ValidationModule {}
