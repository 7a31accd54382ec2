import { type DynamicModule, Module, type ModuleMetadata, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { BooksModule } from './books/books.module.js';
import { ResourceIdGuard } from './http/resource-id.js';
import { SecurityEventsModule } from './logging/security-events.module.js';
import type { AppConfig } from './config/app-config.js';
import { BookstoreModule } from './bookstore/bookstore.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Database } from './database/database.js';
import { DatabaseModule } from './database/database.module.js';
import { DemoDataModule } from './demo/demo-data.module.js';
import { DemoShipsModule } from './demo/demo-ships.module.js';
import { HomeModule } from './home/home.module.js';
import { BodyPipe } from './validation/body.pipe.js';
import { ErrorFilter } from './http/error.filter.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { OperationModule } from './operation/operation.module.js';
import { ShipsModule } from './ships/ships.module.js';
import type { TokenKeys } from './keys/token-keys.js';
import { TokenGuard } from './access/token.guard.js';
import { AccessModule } from './access/access.module.js';
import { KeysModule } from './keys/keys.module.js';
import { SchedulingModule } from './scheduling/scheduling.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { TokensModule } from './tokens/tokens.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { UserRateLimitGuard } from './limits/user-rate-limit.guard.js';
import { WriteQueueGuard } from './limits/write-queue.guard.js';
import { ValidationModule } from './validation/validation.module.js';
import { UsersModule } from './users/users.module.js';

export type Imports = NonNullable<ModuleMetadata['imports']>;

/** The objects that the application needs. Creating them may fail with a `StartError`. */
interface Foundations {
  config: AppConfig;
  keys: TokenKeys;
  database: Database;
}

/** What applies to each route. */
const FOR_EVERY_ROUTE: Provider[] = [
  // The guards run in this order: an id that cannot exist is 404 before a token is required.
  { provide: APP_GUARD, useClass: ResourceIdGuard },
  { provide: APP_GUARD, useExisting: TokenGuard },
  { provide: APP_GUARD, useClass: UserRateLimitGuard },
  { provide: APP_GUARD, useExisting: WriteQueueGuard },
  { provide: APP_PIPE, useClass: BodyPipe },
  { provide: APP_FILTER, useClass: ErrorFilter },
];

/** The root module: all other modules. */
@Module({})
export class AppModule {
  /** @param more additional modules, such as those of a test */
  static forRoot({ config, keys, database }: Foundations, more: Imports): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        SecurityEventsModule,
        LimitsModule,
        DatabaseModule.forRoot(database),
        SchedulingModule,
        ValidationModule,
        KeysModule.forRoot(keys),
        TokensModule,
        SessionsModule,
        AccessModule,
        IdempotencyModule,
        AuditModule,
        AuthModule,
        UsersModule,
        ShipsModule,
        BooksModule,
        ...(config.bookstore.enabled ? [BookstoreModule] : []),
        HomeModule,
        DemoDataModule,
        DemoShipsModule,
        OpenApiModule,
        OperationModule,
        MetricsModule.forRoot(config),
        ...more,
      ],
      providers: FOR_EVERY_ROUTE,
    };
  }
}
