import type { FastifyReply } from 'fastify';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mapPage } from '../../src/lists/page.js';
import { sendPage } from '../../src/lists/send-page.js';

describe('sendPage', () => {
  const header = jest.fn();
  const request = {
    url: '/api/notes?limit=1',
    query: { limit: '1' },
    server: { linkBase: () => 'https://notes.example' },
  };

  beforeEach(() => {
    header.mockClear();
  });

  const send = (next: string | null, member: string | null = null) =>
    sendPage({ rows: [1, 2], next }, { header, request } as unknown as FastifyReply, member);

  it('returns the rows of a page, and sends a link to the next page', () => {
    expect(send('after')).toEqual([1, 2]);
    const link = '<https://notes.example/api/notes?limit=1&cursor=after>; rel="next"';
    expect(header.mock.calls).toEqual([['link', link]]);
  });

  it('sends no link on the last page', () => {
    expect(send(null)).toEqual([1, 2]);
    expect(header).not.toHaveBeenCalled();
  });

  it('puts the rows into a member if its name is given', () => {
    expect(send(null, 'notes')).toEqual({ notes: [1, 2] });
  });
});

describe('mapPage', () => {
  it('maps the rows of a page and keeps the cursor', () => {
    expect(mapPage({ rows: [1, 2], next: 'x' }, String)).toEqual({ rows: ['1', '2'], next: 'x' });
  });
});
