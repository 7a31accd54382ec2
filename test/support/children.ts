import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

/**
 * Waits until its standard input ends, at the latest when the process of the tests is killed. Then
 * it kills the process groups that were added (`+ 12`) and not removed (`- 12`).
 */
const REAPER = `
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done`;

const running = new Set<number>();
let reaper: ChildProcess | undefined;

/**
 * Starts a process. It ends at the latest with the test file, together with all processes that it
 * starts. That holds if tests pass, fail or time out, and if the run is interrupted or killed.
 */
export function startChild(
  command: string,
  words: readonly string[] = [],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'stdio' | 'uid' | 'gid'> = {},
): ChildProcess {
  reaper ??= startReaper();
  // A process group of its own, so that one signal reaches what the child starts.
  const child = spawn(command, words, { ...options, detached: true });
  const { pid } = child;
  if (pid === undefined) return child;
  running.add(pid);
  reaper.stdin?.write(`+ ${pid}\n`);
  child.once('exit', () => {
    if (isAlive(-pid)) return;
    running.delete(pid);
    reaper?.stdin?.write(`- ${pid}\n`);
  });
  return child;
}

/** The output of a process, and its exit code or the signal that killed it. */
interface Outcome {
  status: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
  /** Standard output and standard error in order of their arrival. */
  output: string;
}

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** The standard input, which is empty by default. */
  input?: string | Buffer;
}

/** Runs a command to its end. */
export async function runChild(
  command: string,
  words: readonly string[],
  { input = '', ...options }: RunOptions = {},
): Promise<Outcome> {
  const child = startChild(command, words, options);
  const outcome = { stdout: '', stderr: '', output: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      outcome[name] += text;
      outcome.output += text;
    });
  }
  // The command may end before it has read the whole input.
  child.stdin!.on('error', () => undefined).end(input);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals];
  return { status: code ?? signal, ...outcome };
}

/** Ends everything that is still running. */
export function endChildren(): void {
  for (const pid of running) if (isAlive(-pid)) process.kill(-pid, 'SIGKILL');
  running.clear();
  reaper?.stdin?.end();
  reaper = undefined;
}

function startReaper(): ChildProcess {
  const child = spawn('sh', ['-c', REAPER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Neither the reaper nor the pipe to it keeps the process of the tests alive.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}

/** @param pid of a process; a negative number stands for a group of processes */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
