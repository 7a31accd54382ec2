import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';

interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** What package.json says about this service. Its name is shown to people. */
export const packageInfo = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
) as PackageInfo;
