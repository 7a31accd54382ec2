import { execSync, spawn } from 'node:child_process';
import { constants } from 'node:os';
import vm from 'node:vm';

/**
 * Jest runs ES modules only if Node has `vm.SourceTextModule`, which needs a flag. `npm test` sets
 * the flag and builds the scripts that some specs start; `npx jest` does neither. This function
 * then builds them, runs the same command again with the flag, and exits with its exit code.
 */
export async function runAgainIfModulesAreOff() {
  if (vm.SourceTextModule !== undefined) return;
  execSync('npm run --silent pretest', { stdio: 'inherit' });
  const flags = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning'];
  const words = [...process.execArgv, ...flags, ...process.argv.slice(1)];
  const child = spawn(process.execPath, words, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  const [code, signal] = await new Promise((resolve) => {
    child.on('exit', (...ending) => resolve(ending));
  });
  process.exit(code ?? 128 + constants.signals[signal]);
}
