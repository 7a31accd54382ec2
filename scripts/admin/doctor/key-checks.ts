import { AppConfig } from '../../../src/config/app-config.js';
import type { JwtSettings } from '../../../src/config/jwt-settings.js';
import type { SealingSecrets } from '../../../src/config/keys/key-store-settings.js';
import { StartError } from '../../../src/errors/start-error.js';
import { type KeyContent, noKeys } from '../../../src/keys/key-content.js';
import { KeyFile } from '../../../src/keys/key-file.js';
import { KeyRing } from '../../../src/keys/key-ring.js';
import { openSealedKeys, type SealedKeys } from '../../../src/keys/sealed-keys.js';
import { configuredKey } from '../../../src/keys/token-keys.js';
import { type Finding, findings } from './finding.js';
import type { InspectedDatabase } from './inspected-database.js';
import { problemsOf } from './settings-checks.js';

/** Whether tokens can be signed. Creates no secret file, as the start does in development. */
export function checkKeys({ jwt: { keyStore } }: AppConfig): Finding[] {
  // `checkDatabaseKeys` checks the keys in the database.
  if (!('file' in keyStore)) return [];
  const { ok } = findings('keys');
  return orProblems(() => {
    // Refuses settings without a key, unless the key file exists.
    const { jwt } = AppConfig.load();
    const stored = new KeyFile(keyStore.file).read();
    if (!stored && jwt.key && 'secretFile' in jwt.key && !configuredKey(jwt, { make: false })) {
      return ok(`The next start creates ${jwt.key.secretFile}.`);
    }
    return ok(describeSigningKey(jwt, stored));
  });
}

/**
 * Whether tokens can be signed with the keys in the database.
 *
 * @param database null if it does not exist yet
 * @param tables the names of its tables
 */
export async function checkDatabaseKeys(
  { jwt }: AppConfig,
  database: InspectedDatabase | null,
  tables: readonly string[] = [],
): Promise<Finding[]> {
  const { keyStore } = jwt;
  if ('file' in keyStore) return [];
  const hasTable = tables.includes('token_keys');
  const rows =
    database && hasTable
      ? await database.rows<SealedKeys>('SELECT revision, sealed FROM token_keys WHERE id = 1')
      : [];
  return orProblems(() => openedFinding(jwt, keyStore, rows[0]));
}

function openedFinding(
  jwt: JwtSettings,
  { secret, previousSecret }: SealingSecrets,
  row: SealedKeys | undefined,
): Finding {
  const { ok, warning } = findings('keys');
  const content = row ? openSealedKeys(row, { secret, previousSecret }) : noKeys();
  const text = describeSigningKey(jwt, content);
  if (previousSecret === null) return ok(text);
  return warning(
    `${text} JWT_KEYS_PREVIOUS_SECRET is set. Run npm run keys -- reseal, and remove it from the settings.`,
  );
}

/** @throws StartError if no key signs */
function describeSigningKey(jwt: JwtSettings, stored: KeyContent | null): string {
  const { signing } = new KeyRing(configuredKey(jwt, { make: false }), stored ?? noKeys());
  return `The key ${signing.id} signs (${signing.algorithm}).`;
}

function orProblems(check: () => Finding): Finding[] {
  try {
    return [check()];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return problemsOf(error).map(findings('keys').problem);
  }
}
