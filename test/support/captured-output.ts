import { jest } from '@jest/globals';

/** Collects what is written to stdout and stderr, until `jest.restoreAllMocks()`. */
export class CapturedOutput {
  text = '';

  constructor() {
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((chunk) => {
        this.text += String(chunk);
        return true;
      });
    }
  }

  /** The complete lines. */
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}
