import { execSync, spawn } from 'node:child_process';
import { constants } from 'node:os';
import vm from 'node:vm';

/**
 * Jest runs ES modules only where Node has `vm.SourceTextModule`, which is behind a flag. `npm test`
 * gives the flag and builds what some specs start; `npx jest` does neither. This function then builds,
 * runs the same command again with the flag, and ends this process with the result.
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
