import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TokenKeys } from './token-keys.js';

@Global()
@Module({})
export class KeysModule {
  static forRoot(keys: TokenKeys): DynamicModule {
    return {
      module: KeysModule,
      providers: [{ provide: TokenKeys, useValue: keys }],
      exports: [TokenKeys],
    };
  }
}
