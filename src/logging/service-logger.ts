import { inspect } from 'node:util';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';

/**
 * The values of `LOG_LEVEL`, from the least output to the most; `trace` is another name for
 * `verbose`.
 */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'verbose', 'trace'] as const;
export type LogThreshold = (typeof LOG_LEVELS)[number];

/** Nest calls `info` by the name `log`. */
const NEST_LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];

/**
 * Characters in a client's text that a terminal or log viewer may act upon: control characters
 * (C0, DEL, C1: line ends and ANSI escape sequences), invisible and bidirectional formatting
 * characters (Unicode category Cf), line and paragraph separators, and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The contexts of Nest's own messages at the start: one line for each module and route. */
const NEST_CONTEXTS = [
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
];

/** Replaces every unsafe character by an escape sequence, such as `\n` or `\u{1b}`. */
function escapeText(text: string): string {
  return text.replace(UNSAFE, (each) => SHORT[each] ?? `\\u{${each.codePointAt(0)!.toString(16)}}`);
}

/** Escapes a stack, in which only the frames begin on new lines. */
function escapeStack(stack: string): string {
  return stack
    .split(/\n(?= {4}at )/)
    .map(escapeText)
    .join('\n');
}

/** The stack of an error without its message, which may contain what a client sent. */
export function framesOf({ stack = '', message }: Error): string {
  const from = Math.max(0, stack.indexOf(message)) + message.length;
  const frames = stack.slice(from).match(/^ {4}at .+$/gm) ?? [];
  return frames.join('\n');
}

/** The text of an error and its causes. Other members may contain the values of a statement. */
function errorText(error: Error, depth = 0): string {
  const text = `${escapeText(`${error.name}: ${error.message}`)}\n${escapeStack(framesOf(error))}`;
  const { cause } = error;
  return cause instanceof Error && depth < 5
    ? `${text}\n  caused by ${errorText(cause, depth + 1)}`
    : text;
}

/**
 * Nest's logger, with lines for people (`json: false`) or one JSON object per line. It escapes all
 * texts, so that no message, name, header or token can begin a new line, or color, hide or reorder
 * what a terminal shows (CWE-117). No other code has to do this.
 */
export class ServiceLogger extends ConsoleLogger {
  constructor({ json, level }: { json: boolean; level: LogThreshold }) {
    const verbosity = Math.min(LOG_LEVELS.indexOf(level), NEST_LEVELS.length - 1);
    super({ json, colors: false, logLevels: NEST_LEVELS.slice(0, verbosity + 1) });
  }

  /**
   * Decides on colors for each stream, because each may be a terminal or a file. Nest decides once.
   */
  protected override printMessages(
    ...[messages, context, logLevel, stream = 'stdout', ...others]: Parameters<
      ConsoleLogger['printMessages']
    >
  ): void {
    this.options.colors = !this.options.json && hasColors(process[stream]);
    super.printMessages(messages, context, logLevel, stream, ...others);
  }

  /** Logs Nest's own messages at the start at the level `debug`. */
  override log(message: unknown, ...more: unknown[]): void {
    const context = more.at(-1);
    if (typeof context === 'string' && NEST_CONTEXTS.includes(context))
      super.debug(message, ...more);
    else super.log(message, ...more);
  }

  protected override stringifyMessage(message: unknown, logLevel: LogLevel): string {
    const content = this.resolveMessage(message);
    if (content instanceof Error) return errorText(content);
    const text = typeof content === 'string' ? content : inspectFlat(content);
    return super.stringifyMessage(escapeText(text), logLevel);
  }

  protected override stringifyParams(params: unknown): string {
    return escapeText(inspectFlat(params));
  }

  protected override formatContext(context: string): string {
    return super.formatContext(escapeText(context));
  }

  protected override printStackTrace(stack: string): void {
    super.printStackTrace(stack && escapeStack(stack));
  }

  /** Escapes texts before they become JSON, because readers decode the escapes of JSON itself. */
  protected override stringifyReplacer(key: string, value: unknown): unknown {
    const plain: unknown = super.stringifyReplacer(key, value);
    if (typeof plain !== 'string') return plain;
    return key === 'stack' ? escapeStack(plain) : escapeText(plain);
  }

  /** Escapes the names of members, in which JSON itself leaves characters such as C1 and U+2028. */
  protected override stringifyJsonLogObject(record: Record<string, unknown>): string {
    const line = super.stringifyJsonLogObject(record);
    return line.replace(UNSAFE, (each) =>
      [...each.split('')].map((unit) => `\\u${hex(unit.charCodeAt(0))}`).join(''),
    );
  }
}

/**
 * Whether the stream is a terminal that shows colors. Node looks at `NO_COLOR`, `FORCE_COLOR` and
 * `TERM`.
 */
function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors();
}

function hex(unit: number): string {
  return unit.toString(16).padStart(4, '0');
}

function inspectFlat(value: unknown): string {
  return inspect(value, { depth: 5, compact: true, breakLength: Infinity, colors: false });
}
