import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SecurityEventsService } from '../../src/logging/security-events.service.js';

describe('SecurityEventsService', () => {
  let events: SecurityEventsService;
  let warnings: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    warnings = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((text) => {
      warnings.push(String(text));
    });
    events = new SecurityEventsService();
  });
  afterEach(() => {
    events.onModuleDestroy();
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('warns at once of the first event, and once a minute of the number since then', () => {
    for (let i = 1; i <= 100; i++) events.warn('rate_limited', 'LIMIT', `request ${i}`);
    expect(warnings).toEqual(['Too many requests were refused (429) (LIMIT): request 1']);
    jest.advanceTimersByTime(59_999);
    expect(warnings).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(warnings[1]).toBe(
      'Too many requests were refused (429) (LIMIT): 99 times in the last minute, such as request 100',
    );
    events.warn('rate_limited', 'LIMIT', 'request 101');
    expect(warnings).toHaveLength(2);
    jest.advanceTimersByTime(60_000);
    expect(warnings[2]).toContain('(LIMIT): request 101');
  });

  it('warns at once again after a minute without events', () => {
    events.warn('rate_limited', 'LIMIT', 'request 1');
    jest.advanceTimersByTime(60_000);
    events.warn('rate_limited', 'LIMIT', 'request 2');
    expect(warnings).toHaveLength(2);
    expect(jest.getTimerCount()).toBe(1);
  });

  it('warns of each cause of an event separately', () => {
    events.warn('rate_limited', 'A', 'x');
    events.warn('rate_limited', 'B', 'x');
    events.warn('login_delayed', 'A', 'x');
    expect(warnings).toHaveLength(3);
  });

  it('reports the remaining events when the service stops', () => {
    for (let i = 1; i <= 3; i++) events.warn('refresh_reused', 'theft', `session ${i}`);
    events.onModuleDestroy();
    expect(warnings[1]).toContain('2 times in the last minute, such as session 3');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts events by kind and cause since the start', () => {
    events.count('credentials_refused', 'token_expired');
    events.count('credentials_refused', 'token_expired');
    events.warn('rate_limited', 'LIMIT', 'x');
    expect(events.totals()).toEqual({
      credentials_refused: { token_expired: 2 },
      rate_limited: { LIMIT: 1 },
    });
    expect(warnings).toHaveLength(1);
  });

  it('distinguishes 64 causes of an event, and counts further causes together', () => {
    for (let i = 0; i < 1000; i++) events.warn('rate_limited', `cause ${i}`, 'x');
    const totals = events.totals().rate_limited!;
    expect(Object.keys(totals)).toHaveLength(65);
    expect(totals.other).toBe(936);
    expect(warnings).toHaveLength(65);
    expect(jest.getTimerCount()).toBe(65);
  });
});
