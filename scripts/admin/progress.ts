import { SingleBar } from 'cli-progress';

/** Shows how far the steps of a command are. */
export interface Progress {
  /** @param total of the step; it may change */
  update(step: string, done: number, total: number): void;
  /** Ends the display of the current step. */
  stop(): void;
}

/**
 * Shows a bar for each step on a terminal. Otherwise it prints a line at the end of each step. A step
 * with nothing to do is not shown. Standard output stays free for the result.
 *
 * @param isSilent whether nothing is shown
 */
export function showProgress(isSilent: boolean): Progress {
  if (isSilent) return { update: () => undefined, stop: () => undefined };
  return process.stderr.isTTY ? new Bars() : new Lines();
}

class Bars implements Progress {
  private bar: SingleBar | undefined;
  private step = '';

  update(step: string, done: number, total: number): void {
    if (total === 0) return;
    if (step !== this.step) {
      this.stop();
      this.step = step;
      this.bar = new SingleBar({
        format: '{step} {bar} {value} of {total}',
        stream: process.stderr,
      });
      this.bar.start(total, done, { step: step.padEnd(20) });
    }
    this.bar?.setTotal(total);
    this.bar?.update(done);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
    this.step = '';
  }
}

class Lines implements Progress {
  private line: string | undefined;
  private step = '';

  update(step: string, done: number, total: number): void {
    if (step !== this.step) this.stop();
    this.step = step;
    this.line = total > 0 ? `${step}: ${done} of ${total}` : undefined;
  }

  stop(): void {
    if (this.line !== undefined) process.stderr.write(`${this.line}\n`);
    this.line = undefined;
    this.step = '';
  }
}
