import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LOG_LEVELS } from '../../src/logging/log-levels.js';
import { ServiceLogger } from '../../src/logging/service-logger.js';
import { CapturedOutput } from '../support/captured-output.js';

/** Texts that would begin a line, or change what a terminal or a log viewer shows. */
const HOSTILE = {
  'a line feed': '\n',
  'a carriage return': '\r',
  'an escape sequence': '\x1b[2J\x1b[31m',
  'a C1 control sequence': '\x9b31m',
  'a next line': '\x85',
  'a delete': '\x7f',
  'a backspace': '\b',
  'a NUL': '\0',
  'a line separator': '\u2028',
  'a paragraph separator': '\u2029',
  'a bidirectional override': '\u202e',
  'a bidirectional isolate': '\u2066',
  'a zero-width space': '\u200b',
  'a byte order mark': '\ufeff',
  'a tag outside of the basic plane': '\u{e0041}',
  'a lone surrogate': '\ud800',
};
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('ServiceLogger', () => {
  let output: CapturedOutput;

  beforeEach(() => {
    output = new CapturedOutput();
  });
  afterEach(() => {
    jest.restoreAllMocks();
    // The tests set own properties, which hide those of the prototypes of the streams.
    for (const stream of [process.stdout, process.stderr]) {
      for (const name of ['isTTY', 'hasColors']) Reflect.deleteProperty(stream, name);
    }
  });

  const lines = () => output.lines;
  const formats = [true, false].flatMap((json) =>
    Object.entries(HOSTILE).map(
      ([name, text]) => [json ? 'JSON' : 'text', name, { json, text }] as const,
    ),
  );

  it.each(formats)('lets no client begin or change a line of %s by %s', (_, __, { json, text }) => {
    const logger = new ServiceLogger({ json, level: 'verbose' });
    const evil = `before${text}forged`;
    const failed = new Error(evil, { cause: new Error(evil) });
    const named = Object.assign(new Error('x'), { name: evil, code: evil, detail: { evil } });
    const calls = [
      () => logger.log(evil, 'Context'),
      () => logger.warn('x', evil),
      () => logger.debug({ [evil]: evil, list: [evil] }, 'Context'),
      () => logger.log('x', { [evil]: [evil, new Error(evil)] }, 'Context'),
      () => logger.verbose(['x', evil], 'Context'),
      () => logger.log(() => evil, 'Context'),
      () => logger.log(new Map([[evil, evil]]), 'Context'),
      () => logger.error(evil, 'no stack', 'Context'),
      () => logger.error('x', evil, 'Context'),
      () => logger.error(failed, 'Context'),
      () => logger.error('x', failed, 'Context'),
      () => logger.error(named, 'Context'),
      () => logger.error('x', failed.stack, 'Context'),
      () => logger.fatal('x', { evil: failed }, evil),
    ];
    for (const call of calls) {
      output.text = '';
      call();
      expect(output.text).toContain('forged');
      for (const line of lines()) {
        expect(line).not.toMatch(UNSAFE);
        expect(line).not.toMatch(/^forged/);
        if (json) {
          const record = JSON.parse(line, (key, value: unknown) => {
            // Decoded values are harmless, too. A line break in a stack only precedes a frame.
            if (key !== 'stack' && typeof value === 'string') expect(value).not.toMatch(UNSAFE);
            return value;
          }) as { stack?: string; error?: { stack: string } };
          const stack = record.stack ?? record.error?.stack ?? '';
          for (const frame of stack.split('\n').slice(1)) expect(frame).toMatch(/^ {4}at /);
        }
      }
    }
  });

  it('writes escaped characters as visible text', () => {
    new ServiceLogger({ json: false, level: 'info' }).log('a\nb\r\t\x1b[1m\u202e', 'Context');
    expect(output.text).toContain('[Context] a\\nb\\r\\t\\u{1b}[1m\\u{202e}\n');
  });

  it('writes an error with its frames, and its message in one line', () => {
    const logger = new ServiceLogger({ json: false, level: 'info' });
    logger.error(new TypeError('one\n    at forged (x.js:1:1)\ntwo'));
    expect(lines()[0]).toContain('TypeError: one\\n    at forged (x.js:1:1)\\ntwo');
    expect(lines()[1]).toContain('service-logger.spec.ts');
    expect(lines().filter((line) => line.includes('forged'))).toHaveLength(1);
  });

  it.each([
    ['fatal', ['fatal']],
    ['error', ['fatal', 'error']],
    ['warn', ['fatal', 'error', 'warn']],
    ['info', ['fatal', 'error', 'warn', 'info']],
    ['debug', ['fatal', 'error', 'warn', 'info', 'debug']],
    ['verbose', ['fatal', 'error', 'warn', 'info', 'debug', 'trace']],
    ['trace', ['fatal', 'error', 'warn', 'info', 'debug', 'trace']],
  ] as const)('writes messages of the level %s and of more severe levels', (level, expected) => {
    expect(LOG_LEVELS).toContain(level);
    const logger = new ServiceLogger({ json: true, level });
    const all = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
    for (const each of all) logger[each]('x', 'Context');
    const written = lines().map((line) => (JSON.parse(line) as { level: string }).level);
    expect(written).toEqual(expected);
  });

  it.each([
    ['both', [true, true]],
    ['standard output', [true, false]],
    ['standard error', [false, true]],
    ['neither', [false, false]],
  ] as const)('colors only streams that are terminals: %s', (_, terminals) => {
    // The environment of the tests may disable colors.
    jest.replaceProperty(process, 'env', { ...process.env, NO_COLOR: '' });
    [process.stdout, process.stderr].forEach((stream, index) => {
      Object.assign(stream, { isTTY: terminals[index], hasColors: () => true });
    });
    const logger = new ServiceLogger({ json: false, level: 'info' });
    logger.log('to standard output', 'Context');
    const isColored = [output.text.includes('\x1b[')];
    output.text = '';
    logger.error('to standard error', undefined, 'Context');
    expect([...isColored, output.text.includes('\x1b[')]).toEqual(terminals);
  });

  it('colors neither JSON nor a terminal whose user has disabled colors', () => {
    Object.assign(process.stdout, { isTTY: true, hasColors: () => false });
    new ServiceLogger({ json: false, level: 'info' }).log('plain', 'Context');
    Object.assign(process.stdout, { hasColors: () => true });
    new ServiceLogger({ json: true, level: 'info' }).log('plain', 'Context');
    expect(output.text).not.toContain('\x1b[');
  });
});
