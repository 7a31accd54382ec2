import type { Options } from './options.js';
import { markdownTable, type Table, textTable } from './table.js';

/** Prints results as they come, or, as JSON, all of them at the end. */
export class Output {
  private readonly figures: Record<string, unknown> = {};

  constructor(private readonly format: Options['format']) {}

  /**
   * @param figures the result by its name in the JSON object
   * @param describe returns paragraphs
   */
  add(
    figures: Record<string, unknown>,
    describe: (format: (table: Table) => string) => readonly string[],
  ): void {
    Object.assign(this.figures, figures);
    if (this.format === 'json') return;
    const paragraphs = describe(this.format === 'markdown' ? markdownTable : textTable);
    for (const paragraph of paragraphs) console.log(`${paragraph}\n`);
  }

  end(): void {
    if (this.format === 'json') console.log(JSON.stringify(this.figures, null, 2));
  }
}
