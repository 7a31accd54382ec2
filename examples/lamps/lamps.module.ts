import { type DynamicModule, Module } from '@nestjs/common';
import { Crew, CrewHook } from './crew.hook.js';
import { LampsController } from './lamps.controller.js';
import { LampOptions, LampsService } from './lamps.service.js';

/** Uses most extension points; see `docs/extend.md`. */
@Module({})
export class LampsModule {
  static forRoot(options: LampOptions, crew: Crew): DynamicModule {
    return {
      module: LampsModule,
      controllers: [LampsController],
      providers: [
        { provide: LampOptions, useValue: options },
        { provide: Crew, useValue: crew },
        LampsService,
        CrewHook,
      ],
    };
  }
}
