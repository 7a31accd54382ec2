import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { JwtSettings } from '../config/jwt-settings.js';
import type { Database } from '../database/database.js';
import { DatabaseTokenKeys } from './database-token-keys.js';
import { FileTokenKeys } from './file-token-keys.js';
import { KeyPollingService } from './key-polling.service.js';
import { KeyTable } from './key-table.js';
import { TokenKeys } from './token-keys.js';

@Global()
@Module({})
export class KeysModule {
  static forRoot(keys: TokenKeys): DynamicModule {
    return {
      module: KeysModule,
      providers: [{ provide: TokenKeys, useValue: keys }, KeyPollingService],
      exports: [TokenKeys],
    };
  }
}

/**
 * Loads the keys from where the settings say.
 *
 * @throws StartError if there is no key that can sign, or the keys cannot be read
 */
export async function loadKeys(settings: JwtSettings, database: Database): Promise<TokenKeys> {
  const { keyStore } = settings;
  if ('file' in keyStore) return new FileTokenKeys(settings, keyStore.file);
  return DatabaseTokenKeys.load(settings, new KeyTable(database, keyStore));
}
