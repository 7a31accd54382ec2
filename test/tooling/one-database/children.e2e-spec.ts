import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { endChildren, runChild, startChild } from '../../support/children.js';

describe('Processes that tests start', () => {
  const lives = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const ending = async (pid: number): Promise<void> => {
    while (lives(pid)) await sleep(5);
  };
  /** Starts a process that starts another one and ends before it. */
  const orphan = async (): Promise<number> => {
    const child = startChild('sh', ['-c', 'sleep 600 & echo $!'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(child.stdout!, 'data')) as [Buffer];
    return Number(pid);
  };

  it('end with the test file, and so do the processes that those have started', async () => {
    const child = startChild('sleep', ['600']);
    const other = await orphan();
    endChildren();
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    await ending(other);
  });

  it('end if the process that runs the tests is killed', async () => {
    const { code } = transformFileSync('test/support/children.ts', {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    });
    const script = `${code}; console.log(startChild('sleep', ['600']).pid);`;
    const child = startChild(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(lives(Number(line))).toBe(true);
    child.kill('SIGKILL');
    await ending(Number(line));
  });

  it('give what they printed, and how they ended', async () => {
    const { status, stdout, stderr } = await runChild('sh', ['-c', 'cat; echo no >&2; exit 3'], {
      input: 'yes',
    });
    expect([status, stdout, stderr]).toEqual([3, 'yes', 'no\n']);
  });
});
