import { Global, Module } from '@nestjs/common';
import { AuthAttemptsService } from './auth-attempts.service.js';

/** Provides the counters that guards of several modules share. */
@Global()
@Module({ providers: [AuthAttemptsService], exports: [AuthAttemptsService] })
export class LimitsModule {}
