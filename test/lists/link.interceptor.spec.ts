import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { lastValueFrom, of } from 'rxjs';
import { LinkInterceptor } from '../../src/lists/link.interceptor.js';
import { mapPage, type Page } from '../../src/lists/page.js';

describe('LinkInterceptor', () => {
  const header = jest.fn();
  const request = {
    url: '/api/notes?limit=1',
    query: { limit: '1' },
    server: { linkBase: () => 'https://notes.example' },
  };
  const context = {
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ header }) }),
  } as unknown as ExecutionContext;

  beforeEach(() => {
    header.mockClear();
  });

  const answer = (next: string | null, member: string | null = null) => {
    const handler: CallHandler<Page<unknown>> = { handle: () => of({ rows: [1, 2], next }) };
    return lastValueFrom(new LinkInterceptor(member).intercept(context, handler));
  };

  it('returns the rows of a page, and sends a link to the next page', async () => {
    expect(await answer('after')).toEqual([1, 2]);
    const link = '<https://notes.example/api/notes?limit=1&cursor=after>; rel="next"';
    expect(header.mock.calls).toEqual([['link', link]]);
  });

  it('sends no link on the last page', async () => {
    expect(await answer(null)).toEqual([1, 2]);
    expect(header).not.toHaveBeenCalled();
  });

  it('puts the rows into a member if its name is given', async () => {
    expect(await answer(null, 'notes')).toEqual({ notes: [1, 2] });
  });
});

describe('mapPage', () => {
  it('maps the rows of a page and keeps the cursor', () => {
    expect(mapPage({ rows: [1, 2], next: 'x' }, String)).toEqual({ rows: ['1', '2'], next: 'x' });
  });
});
