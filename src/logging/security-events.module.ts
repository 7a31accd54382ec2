import { Global, Module } from '@nestjs/common';
import { SecurityEventsService } from './security-events.service.js';

/** Gives every module the one set of counters of the process. */
@Global()
@Module({ providers: [SecurityEventsService], exports: [SecurityEventsService] })
export class SecurityEventsModule {}
