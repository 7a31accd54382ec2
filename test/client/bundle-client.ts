import { runChild } from '../support/children.js';

/**
 * Bundles the client with its dependencies, as a project for browsers does.
 *
 * @param format a module, or a script that defines `api`
 * @returns the minified code
 */
export async function bundleClient(format: 'esm' | 'iife'): Promise<string> {
  const { status, stdout, output } = await runChild(process.execPath, [
    'node_modules/esbuild/bin/esbuild',
    'packages/client/src/index.ts',
    ...['--bundle', '--minify', `--format=${format}`, '--global-name=api', '--log-level=error'],
  ]);
  if (status !== 0) throw new Error(`esbuild failed with ${status}:\n${output}`);
  return stdout;
}
