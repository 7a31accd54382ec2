import { Global, Module } from '@nestjs/common';
import { SecurityEvents } from './security-events.js';

/** Gives every module the one set of counters of the process. */
@Global()
@Module({ providers: [SecurityEvents], exports: [SecurityEvents] })
export class SecurityEventsModule {}
