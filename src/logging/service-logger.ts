import { inspect } from 'node:util';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { Logger as PinoLogger } from 'pino';
import { errorText, escapeStack, escapeText } from './escape-text.js';
import { createJsonLog } from './json-log.js';
import { LOG_LEVELS, type LogThreshold } from './log-levels.js';

/** Nest calls `info` by the name `log`. */
const NEST_LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];

/** The contexts of Nest's own messages at the start: one line for each module and route. */
const NEST_CONTEXTS = [
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
];

/** Pino's names for Nest's levels. */
const PINO_LEVELS = {
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  log: 'info',
  debug: 'debug',
  verbose: 'trace',
} as const;

/** Nest's names for pino's levels. */
const NEST_NAMES = {
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  info: 'log',
  debug: 'debug',
  trace: 'verbose',
} as const;

interface PinoLine extends Record<string, unknown> {
  level: keyof typeof NEST_NAMES;
}

const standardOutput = (line: string): void => void process.stdout.write(line);

/**
 * Nest's logger, with lines for people (`json: false`) or one JSON object per line, which pino
 * writes. It escapes all texts, so that no message, name, header or token can begin a new line, or
 * color, hide or reorder what a terminal shows (CWE-117). No other code has to do this.
 */
export class ServiceLogger extends ConsoleLogger {
  /** The same log for Fastify (`request.log`), which has pino's methods. */
  readonly pino: PinoLogger;
  private second = 0;
  private timestamp = '';

  constructor({ json, level }: { json: boolean; level: LogThreshold }) {
    const verbosity = Math.min(LOG_LEVELS.indexOf(level), NEST_LEVELS.length - 1);
    super({ json, colors: false, logLevels: NEST_LEVELS.slice(0, verbosity + 1) });
    this.pino = createJsonLog(level, json ? standardOutput : (line) => this.printAsText(line));
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

  protected override printAsJson(
    ...[message, options]: Parameters<ConsoleLogger['printAsJson']>
  ): void {
    const record = this.stringifyJsonLogObject(this.getJsonLogObject(message, options));
    const members = membersOf(JSON.parse(record) as Record<string, unknown>);
    this.pino[PINO_LEVELS[options.logLevel]](members);
  }

  /** A line of text, without colors. The text has to be safe already. */
  formatSafeText(level: LogLevel, context: string, text: string): string {
    const name = level.toUpperCase().padStart(7);
    return `${this.formatPid(process.pid)}${this.getTimestamp()} ${name} [${context}] ${text}\n`;
  }

  /** Formats a second once, because the time of a line costs as much as the rest of it. */
  protected override getTimestamp(): string {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.timestamp = super.getTimestamp();
    }
    return this.timestamp;
  }

  /** Prints a line of pino as one of Nest's. */
  private printAsText(line: string): void {
    const record = JSON.parse(line) as PinoLine;
    const { message, ...members } = membersOf(record);
    const details = Object.keys(members).length > 0 ? [members] : [];
    this[NEST_NAMES[record.level]](message ?? '', ...details, 'Fastify');
  }
}

/** What a record says, without what every logger adds to it. */
function membersOf(record: Record<string, unknown>): Record<string, unknown> {
  const added = ['level', 'pid', 'timestamp'];
  return Object.fromEntries(Object.entries(record).filter(([name]) => !added.includes(name)));
}

/**
 * Whether the stream is a terminal that shows colors. Node looks at `NO_COLOR`, `FORCE_COLOR` and
 * `TERM`.
 */
function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors();
}

function inspectFlat(value: unknown): string {
  return inspect(value, { depth: 5, compact: true, breakLength: Infinity, colors: false });
}
