import { type DataSource, MigrationExecutor } from 'typeorm';
import { runCommand } from './run-command.js';

const usage = `Usage: npm run migration:run | migration:revert | migration:show
  run     applies all pending migrations
  revert  reverts the last migration
  show    lists the migrations; [X] marks the applied ones`;

const commands: Record<string, (source: DataSource) => Promise<string>> = {
  run: async (source) => {
    const applied = await source.runMigrations({ transaction: 'all' });
    return applied.map(({ name }) => `Applied ${name}.`).join('\n') || 'Nothing to apply.';
  },
  revert: async (source) => {
    const before = await appliedNames(source);
    await source.undoLastMigration({ transaction: 'all' });
    const after = await appliedNames(source);
    const reverted = before.filter((name) => !after.includes(name));
    return reverted.map((name) => `Reverted ${name}.`).join('\n') || 'Nothing to revert.';
  },
  show: async (source) => {
    const applied = await appliedNames(source);
    const all = source.migrations.map(({ name, constructor }) => name ?? constructor.name);
    return all.map((name) => `[${applied.includes(name) ? 'X' : ' '}] ${name}`).join('\n');
  },
};

async function appliedNames(source: DataSource): Promise<string[]> {
  const applied = await new MigrationExecutor(source).getExecutedMigrations();
  return applied.map(({ name }) => name);
}

/** Replaces TypeORM's commands, which would print stacks and SQL instead of messages. */
const command = commands[process.argv[2] ?? ''];
if (!command || process.argv.length > 3) {
  console.error(usage);
  process.exit(2);
}
await runCommand(async () => {
  // Imported here, because the module reads the settings, which may be invalid.
  const { default: source } = await import('../ormconfig.js');
  await source.initialize();
  try {
    return await command(source);
  } finally {
    await source.destroy();
  }
});
