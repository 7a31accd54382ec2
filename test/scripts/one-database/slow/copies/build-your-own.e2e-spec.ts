import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runChild, startChild } from '../../../../support/children.js';
import { freePort } from '../../../../support/tcp-proxy.js';
import { commitAll, copyRepository, gitAuthor } from '../../../../support/repository-copy.js';

// The tests of the project take some minutes, and longer on a busy machine.
jest.setTimeout(2_400_000);

const isFull = process.env.TEST_FULL === 'true';
const PAGE = 'docs/build-your-own.md';

/** What the reader does with a part of the page. */
type Action =
  | { kind: 'run' | 'start' | 'expect'; text: string }
  | { kind: 'stop' }
  | { kind: 'create'; path: string; text: string }
  | { kind: 'replace'; path: string; from: string; to: string };

interface Step {
  title: string;
  actions: Action[];
}

/** Reads the steps. Every code block belongs to the sentence in front of it. */
function parseSteps(page: string): Step[] {
  return page
    .split(/^## (?=\d+\. )/m)
    .slice(1)
    .map((chapter) => {
      const [title = '', ...lines] = chapter.split('\n');
      return { title, actions: parseActions(lines.join('\n')) };
    });
}

function parseActions(text: string): Action[] {
  const actions: Action[] = [];
  // Texts and code blocks alternate: text, language, code, text, …
  const parts = text.split(/^```(\w*)\n([^]*?)^```$/m);
  for (let i = 0; i + 2 < parts.length; i += 3) {
    const [prose = '', language, code = ''] = parts.slice(i);
    const sentence = prose.replace(/\s+/g, ' ').trim();
    if (sentence.includes('ress Ctrl+C')) actions.push({ kind: 'stop' });
    if (language === 'sh') {
      const isStart = /npm (?:start|run start:prod)$/m.test(code);
      actions.push({ kind: isStart ? 'start' : 'run', text: code });
    } else if (language === '') {
      if (!/(?:^|\. )Expect\b[^.]*:$/.test(sentence)) throw unclear(sentence);
      actions.push({ kind: 'expect', text: code });
    } else {
      addEdit(actions, sentence, code);
    }
  }
  return actions;
}

function addEdit(actions: Action[], sentence: string, text: string): void {
  const [, created] = /Create `([\w./-]+)`:$/.exec(sentence) ?? [];
  const [, changed] = /In `([\w./-]+)`, replace$/.exec(sentence) ?? [];
  const last = actions.at(-1);
  if (created) {
    actions.push({ kind: 'create', path: created, text });
  } else if (changed) {
    actions.push({ kind: 'replace', path: changed, from: text, to: '' });
  } else if (sentence === 'by' && last?.kind === 'replace') {
    last.to = text;
  } else {
    throw unclear(sentence);
  }
}

const unclear = (sentence: string) =>
  new Error(`${PAGE}: a block does not say what it is for: “${sentence}”`);

/** Matches the output that the page shows: `…` stands for any text of a line, or for any lines. */
function patternOf(shown: string): RegExp {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) =>
      line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escape).join('.*')} *\\n`,
    );
  return new RegExp(`^${lines.join('')}`, 'm');
}

const escape = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A shell in which commands are run one after the other. It ends with the first that fails. */
class Terminal {
  private output = '';

  private constructor(private readonly shell: ChildProcess) {
    for (const stream of [shell.stdout, shell.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString().replaceAll('\r', '')));
    }
  }

  static open(cwd: string, env: NodeJS.ProcessEnv): Terminal {
    const terminal = new Terminal(startChild('bash', [], { cwd, env, stdio: 'pipe' }));
    // The test uses the installed packages, because `npm ci` needs the network and much time.
    terminal.write(`exec 2>&1; set -eo pipefail; npm() { [ "$1" = ci ] || command npm "$@"; }`);
    return terminal;
  }

  /** Runs a script, and returns its output. */
  async run(script: string): Promise<string> {
    this.start(`${script}\nprintf '\\n-- %s\\n' done`);
    return (await this.says(/^([^]*)-- done\n/))[1]!;
  }

  start(script: string): void {
    this.output = '';
    // No command reads the commands that follow.
    this.write(`source /dev/fd/3 3<<'END' </dev/null\n${script}\nEND`);
  }

  /** Waits until the output matches. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (this.hasEnded()) throw new Error(`A command failed. The output was:\n${this.output}`);
      await setTimeout(50);
    }
  }

  /** Does what Ctrl+C does: all processes of the terminal get SIGINT. */
  async interrupt(): Promise<void> {
    if (this.hasEnded()) return;
    process.kill(-this.shell.pid!, 'SIGINT');
    await once(this.shell, 'exit');
  }

  private hasEnded(): boolean {
    return this.shell.exitCode !== null || this.shell.signalCode !== null;
  }

  private write(line: string): void {
    this.shell.stdin!.write(`${line}\n`);
  }
}

describe(PAGE, () => {
  const page = readFileSync(PAGE, 'utf8');
  const steps = parseSteps(page);
  let folder: string;
  let port: number;
  let env: NodeJS.ProcessEnv;
  let commands: Terminal;
  let service: Terminal | undefined;
  let failed = false;

  beforeAll(async () => {
    folder = copyRepository();
    await commitAll(folder);
    await runChild('git', ['remote', 'add', 'origin', 'template.git'], { cwd: folder, env: {} });
    port = await freePort();
    const { PATH, HOME, TEST_POSTGRES_URL, TEST_REQUIRE_ALL } = process.env;
    env = { PATH, HOME, TEST_POSTGRES_URL, TEST_REQUIRE_ALL, NO_COLOR: '1', ...gitAuthor };
    commands = Terminal.open(folder, env);
  });
  afterAll(async () => {
    await service?.interrupt();
    await commands.interrupt();
    rmSync(folder, { recursive: true });
  });

  /** The page names the default port, which may be taken on this machine. */
  const withPort = (text: string) => text.replace(/\b3000\b/g, String(port));

  const edit = (path: string, change: (text: string) => string) => {
    const file = join(folder, path);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };

  async function follow(actions: readonly Action[]): Promise<void> {
    /** The output of the last commands; null if they have started the service. */
    let output: string | null = '';
    for (const action of actions) {
      switch (action.kind) {
        case 'run':
          output = await commands.run(withPort(action.text));
          break;
        case 'start':
          service = Terminal.open(folder, { ...env, PORT: String(port) });
          service.start(action.text);
          output = null;
          break;
        case 'stop':
          await service?.interrupt();
          service = undefined;
          break;
        case 'expect': {
          const pattern = patternOf(withPort(action.text));
          if (output === null) await service!.says(pattern);
          else expect(output).toMatch(pattern);
          break;
        }
        case 'create':
          mkdirSync(join(folder, dirname(action.path)), { recursive: true });
          writeFileSync(join(folder, action.path), action.text);
          break;
        case 'replace':
          edit(action.path, (text) => {
            expect([action.path, text.split(action.from).length - 1]).toEqual([action.path, 1]);
            return text.replace(action.from, () => action.to);
          });
      }
    }
  }

  it('has eight steps, each with something to run and something to expect', () => {
    expect(steps.map(({ title }) => Number.parseInt(title, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const { title, actions } of steps) {
      const kinds = new Set(actions.map(({ kind }) => kind));
      expect([title, kinds.has('run') || kinds.has('start'), kinds.has('expect')]).toEqual([
        title,
        true,
        true,
      ]);
    }
  });

  it.each(steps.map(({ title, actions }) => [title, actions] as const))(
    'shows in the step “%s” what happens if a reader follows it',
    async (_, actions) => {
      expect(failed ? 'an earlier step failed' : '').toBe('');
      failed = true;
      await follow(actions);
      failed = false;
    },
  );

  it('leaves a project whose tests and lint rules pass, with its role and its claim', async () => {
    expect(failed ? 'an earlier step failed' : '').toBe('');
    // The whole suite takes minutes, and runs only with `.ci/run --full`.
    const about = isFull ? '' : ' -- users/roles auth/auth.e2e token-service';
    expect(await commands.run(`npm test${about}`)).toMatch(/^Tests: +\d+ passed, \d+ total/m);
    const linted = isFull ? '.' : 'src/tasks test/tasks src/app.module.ts';
    expect(await commands.run(`node node_modules/eslint/bin/eslint.js ${linted}`)).toBe('\n');
  });
});
