import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../src/app.setup.js';
import { AppConfig } from '../src/config/app-config.js';
import { packageRoot } from '../src/config/package-root.js';
import { buildDocument } from '../src/openapi/document.js';

/** Writes docs/openapi.json, with the settings' own defaults whatever the environment says. */
const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
try {
  const config = AppConfig.from({
    DATABASE_URL: `sqlite:${join(folder, 'app.sqlite')}`,
    DEMO_DATA: 'false',
  });
  const app = await createApp(config, { logger: false });
  await app.init();
  const file = join(packageRoot, 'docs', 'openapi.json');
  writeFileSync(file, `${JSON.stringify(buildDocument(app, config), null, 2)}\n`);
  await app.close();
  console.log(`Wrote ${file}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
