import { Global, Module } from '@nestjs/common';
import { PeriodicJobsService } from './periodic-jobs.service.js';

@Global()
@Module({ providers: [PeriodicJobsService], exports: [PeriodicJobsService] })
export class SchedulingModule {}
