import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { bearerToken } from './sent-token.js';

const read = (...authorization: string[]): string | null => {
  const rawHeaders = [
    'Host',
    'localhost',
    ...authorization.flatMap((each) => ['Authorization', each]),
  ];
  return bearerToken({ raw: { rawHeaders } as IncomingMessage });
};

describe('bearerToken', () => {
  it('finds the token, whatever the case of the scheme', () => {
    expect(read('Bearer a.b.c')).toBe('a.b.c');
    expect(read('bEARER a.b.c')).toBe('a.b.c');
  });

  it('finds none without the header, or with another scheme', () => {
    expect(read()).toBeNull();
    expect(read('Basic a.b.c')).toBeNull();
  });

  it('never gives a part of what is malformed', () => {
    expect(read('Bearer a.b.c d.e.f')).toBe('a.b.c d.e.f');
    expect(read('Bearer a.b.c', 'Bearer a.b.c')).toContain(', ');
    expect(read('Basic x', 'Bearer a.b.c')).toBe('Basic x, Bearer a.b.c');
    expect(read('Bearer')).toBe('Bearer');
  });
});
