import { describe, expect, it } from '@jest/globals';
import { createJsonLog } from '../../src/logging/json-log.js';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

describe('createJsonLog', () => {
  const recordsOf = (write: (log: ReturnType<typeof createJsonLog>) => void) => {
    const lines: string[] = [];
    write(createJsonLog('trace', (line) => lines.push(line)));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it('replaces members with the name of a secret, in bound members and at any depth', () => {
    const [record] = recordsOf((log) =>
      log.child({ cookie: 'a=b' }).info({ req: { headers: { Authorization: 'x', host: 'h' } } }),
    );
    expect(record).toMatchObject({
      cookie: '[secret]',
      req: { headers: { Authorization: '[secret]', host: 'h' } },
    });
  });

  it.each([
    ['a message', (text: string) => [text]],
    ['a part of a message', (text: string) => ['is %s', text]],
    ['a member', (text: string) => [{ deep: [{ text }] }]],
    ['the name of a member', (text: string) => [{ [text]: 1 }]],
    ['an error', (text: string) => [new Error(text)]],
    ['the error of a member', (text: string) => [{ err: new Error(text) }]],
  ])('escapes unsafe characters and replaces tokens in %s', (_, args) => {
    const records = recordsOf((log) => {
      Reflect.apply(log.info, log, args(`a\nb\u202e ${TOKEN}`));
    });
    // A line break in a stack precedes a frame.
    const text = JSON.stringify(records).replace(/\\n {4}at /g, '');
    expect(text).toContain('a\\\\nb\\\\u{202e} [token]');
    expect(text).not.toMatch(/eyJ|\u202e|(?<!\\)\\n/);
  });

  it('does not repeat the line of Fastify about its address', () => {
    expect(recordsOf((log) => log.info('Server listening at http://[::1]:1'))).toEqual([]);
  });
});
