import type { SettingsReader } from './settings-reader.js';

/** Reads `DEMO_DATA`: whether an empty database is filled with the demo data. */
export function readDemoData(read: SettingsReader, production: boolean): boolean {
  const demoData = read.flag('DEMO_DATA', !production);
  if (production && demoData) {
    read.problem(
      'DEMO_DATA must not be true in production, because its passwords are public; leave it out, or set NODE_ENV=development.',
    );
  }
  return demoData;
}
