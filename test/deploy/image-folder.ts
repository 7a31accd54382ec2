import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, relative } from 'node:path';
import { tmpdir } from 'node:os';
import { nodeOf } from '../../scripts/node-line.js';
import { runChild } from '../support/children.js';
import { isInContext, readIgnoreRules } from './build-context.js';
import { lastStep, readStages, type Stage, type Step } from './image-stages.js';

/** Root may choose other users; for anyone else everything belongs to themselves. */
const isRoot = process.getuid?.() === 0;

/**
 * Runs the steps of the stages of a Dockerfile in folders, one for each stage, with the version of
 * Node that the stages name. Paths such as `/app` are folders of the stage.
 */
export class ImageFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-image-'));
  private readonly stages = readStages('Dockerfile');
  private readonly ignored = readIgnoreRules('.dockerignore');

  constructor() {
    // The user of the image has to reach the stages.
    chmodSync(this.folder, 0o755);
    const [, version = ''] = /^node:([\d.]+)/.exec(this.stages[0]!.image) ?? [];
    mkdirSync(join(this.folder, 'bin'));
    // A copy, because the user of the image may not reach the repository.
    copyFileSync(join(nodeOf(version).bin, 'node'), join(this.folder, 'bin', 'node'));
  }

  get runtime(): Stage {
    return this.stages.at(-1)!;
  }

  /** The folder in which the steps of a stage and its process run. */
  workingDirectory(stage: Stage): string {
    return this.inStage(stage, lastStep(stage, 'WORKDIR')?.words[0] ?? '/');
  }

  /** The process of the runtime stage belongs to this user, if the tests run as root. */
  get user(): { uid?: number; gid?: number } {
    const [uid, gid] = (lastStep(this.runtime, 'USER')?.words[0] ?? '').split(':').map(Number);
    return isRoot ? { uid: uid!, gid: gid! } : {};
  }

  /** The variables of the runtime stage, and a PATH with its Node. */
  get environment(): Record<string, string> {
    const steps = this.runtime.steps.filter(({ keyword }) => keyword === 'ENV');
    const env: Record<string, string> = { PATH: this.path };
    for (const word of steps.flatMap(({ words }) => words)) {
      const [name, ...values] = word.split('=');
      env[name!] = this.moved(values.join('='));
    }
    return env;
  }

  async build(): Promise<void> {
    for (const stage of this.stages) {
      mkdirSync(this.inStage(stage, '/'));
      for (const step of stage.steps) await this.run(stage, step);
    }
  }

  private get path(): string {
    return `${join(this.folder, 'bin')}:${process.env.PATH}`;
  }

  private async run(stage: Stage, { keyword, words, from }: Step): Promise<void> {
    const cwd = this.workingDirectory(stage);
    if (keyword === 'WORKDIR') mkdirSync(cwd, { recursive: true });
    if (keyword === 'COPY') this.copy(words, from, cwd);
    if (keyword !== 'RUN') return;
    const env = { ...process.env, NODE_ENV: '', PATH: this.path };
    const { status, output } = await runChild('sh', ['-ec', this.moved(words[0]!)], { cwd, env });
    if (status !== 0) throw new Error(`${words[0]} failed with ${status}:\n${output}`);
  }

  private copy(words: string[], from: string | null, cwd: string): void {
    const target = join(cwd, words.at(-1)!);
    const source = this.stages.find(({ name }) => name === from);
    for (const word of words.slice(0, -1)) {
      const path = source ? this.inStage(source, word) : word;
      // As in Docker, a folder is copied without its own name, and a file into a target with a slash.
      const isFile = !statSync(path).isDirectory();
      cpSync(path, isFile && target.endsWith('/') ? join(target, basename(path)) : target, {
        recursive: true,
        // The links in node_modules/.bin stay relative.
        verbatimSymlinks: true,
        filter: (each) => isAbsolute(each) || isInContext(relative('.', each), this.ignored),
      });
    }
  }

  private inStage({ name }: Stage, path: string): string {
    return join(this.folder, name, path);
  }

  /** Replaces the folder for data by that of the runtime stage, and its user by that of the tests. */
  private moved(text: string): string {
    const owner = isRoot ? '$&' : `${process.getuid?.()}:${process.getgid?.()}`;
    const moved = text.replace(/(?<![\w.])\/data\b/g, this.inStage(this.runtime, '/data'));
    return moved.replace(/\b1000:1000\b/g, owner);
  }
}
