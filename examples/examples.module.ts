import { type DynamicModule, Module } from '@nestjs/common';
import { ApiKeys } from './api-keys.js';
import { CookieTokensController } from './cookie-tokens.controller.js';
import { DroidsController } from './droids.controller.js';
import { MachineTokensController } from './machine-tokens.controller.js';
import { ProtectedRoutesController } from './protected-routes.controller.js';
import { TenantHook } from './tenant.hook.js';

/** All examples. Add a module like this to the list in `src/app.module.ts`. */
@Module({})
export class ExamplesModule {
  static forRoot(apiKeys: ApiKeys): DynamicModule {
    return {
      module: ExamplesModule,
      controllers: [
        DroidsController,
        ProtectedRoutesController,
        MachineTokensController,
        CookieTokensController,
      ],
      providers: [{ provide: ApiKeys, useValue: apiKeys }, TenantHook],
    };
  }
}
