import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { endChildren, isAlive, runChild, startChild } from '../../support/children.js';

describe('Processes that tests start', () => {
  const untilEnded = async (pid: number): Promise<void> => {
    while (isAlive(pid)) await sleep(5);
  };
  /** Starts a process that starts another one and ends first. */
  const orphan = async (): Promise<number> => {
    const child = startChild('sh', ['-c', 'sleep 600 & echo $!'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(child.stdout!, 'data')) as [Buffer];
    return Number(pid);
  };

  it('ends child processes, and what they have started, with the test file', async () => {
    const child = startChild('sleep', ['600']);
    const other = await orphan();
    endChildren();
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    await untilEnded(other);
  });

  it('ends child processes if the process that runs the tests is killed', async () => {
    const { code } = transformFileSync('test/support/children.ts', {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    });
    const script = `${code}; console.log(startChild('sleep', ['600']).pid);`;
    const child = startChild(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(isAlive(Number(line))).toBe(true);
    child.kill('SIGKILL');
    await untilEnded(Number(line));
  });

  it('returns the output and the exit code of a child process', async () => {
    const { status, stdout, stderr } = await runChild('sh', ['-c', 'cat; echo no >&2; exit 3'], {
      input: 'yes',
    });
    expect([status, stdout, stderr]).toEqual([3, 'yes', 'no\n']);
  });
});
