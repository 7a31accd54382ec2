import { Global, Module } from '@nestjs/common';
import { SecurityEventsService } from './security-events.service.js';

/** Provides the counters of the process to every module. */
@Global()
@Module({ providers: [SecurityEventsService], exports: [SecurityEventsService] })
export class SecurityEventsModule {}
