import { Command } from 'commander';
import { AppConfig } from '../../src/config/app-config.js';
import { type Output, print } from './output.js';

/** The arguments are not those of a command. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command: Command,
  ) {
    super(message);
  }
}

/** How a command was called. */
export interface Call {
  config: AppConfig;
  /** The arguments, in order; a variadic one is a list. */
  words: readonly unknown[];
  options: Readonly<Record<string, unknown>>;
  /** Whether the result is printed as JSON. */
  isJson: boolean;
  /** @throws UsageError */
  refuse: (message: string) => never;
}

interface RunOptions {
  /** Whether the command reads the settings itself, because it also runs with invalid ones. */
  readsSettings?: boolean;
}

/** A command whose usage errors are thrown, and that prints its result as text or as JSON. */
export class AdminCommand extends Command {
  override createCommand(name?: string): AdminCommand {
    return new AdminCommand(name);
  }

  /** Commander calls this for each usage error. */
  override error(message: string): never {
    throw new UsageError(message.replace(/^error: /, ''), this);
  }

  /** Sets what the command does, and adds the option `--json`. */
  runs(work: (call: Call) => Promise<Output>, { readsSettings = false }: RunOptions = {}): this {
    this.option('--json', 'print the result as JSON');
    return this.action(async () => {
      const options = this.opts<Record<string, unknown>>();
      const call = {
        // No command issues or verifies a token.
        config: readsSettings ? (undefined as never) : AppConfig.load({ needsKey: false }),
        words: this.processedArgs as unknown[],
        options,
        isJson: options.json === true,
        refuse: (message: string) => this.error(message),
      };
      await print(await work(call), call.isJson);
    });
  }
}
