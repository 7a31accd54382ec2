import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

/**
 * Waits for its input to end, which happens at the latest when the process that runs the tests is
 * killed. Then it ends the process groups that it was told of (`+ 12`) and not told off (`- 12`).
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
 * Starts a process that ends, with all that it starts, at the latest with the test file: whether its
 * tests pass, fail or time out, and also if the run of tests is interrupted or killed.
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
    if (isGroupAlive(pid)) return;
    running.delete(pid);
    reaper?.stdin?.write(`- ${pid}\n`);
  });
  return child;
}

/** What a process printed, and how it ended: its exit code or the signal that killed it. */
export interface Outcome {
  status: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
  /** Both, in the order in which they came. */
  output: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** For its standard input, which is empty otherwise. */
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
  // The command may end before it has read all of it.
  child.stdin!.on('error', () => undefined).end(input);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals];
  return { status: code ?? signal, ...outcome };
}

/** Ends everything that is still running. */
export function endChildren(): void {
  for (const pid of running) if (isGroupAlive(pid)) process.kill(-pid, 'SIGKILL');
  running.clear();
  reaper?.stdin?.end();
  reaper = undefined;
}

function startReaper(): ChildProcess {
  const child = spawn('sh', ['-c', REAPER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Neither it nor the way to it keeps the tests' process alive.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}

function isGroupAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}
