import { describe, expect, it } from '@jest/globals';
import { WindowCounter } from '../../src/scheduling/window-counter.js';

describe('WindowCounter', () => {
  function counterWith(max: number, maxKeys = 100) {
    const clock = { now: 5_000 };
    const counter = new WindowCounter({ max, maxKeys, window: 60_000, now: () => clock.now });
    return { clock, take: (...keys: string[]) => counter.take(...keys) };
  }

  it('refuses a key that has used up its limit until its window ends', () => {
    const { clock, take } = counterWith(2);
    expect([take('a'), take('a'), take('a')]).toEqual([0, 0, 60]);
    clock.now += 58_999;
    expect(take('a')).toBe(2);
    clock.now += 501;
    expect(take('a')).toBe(1);
    clock.now += 500;
    expect([take('a'), take('a'), take('a')]).toEqual([0, 0, 60]);
  });

  it('counts each key separately', () => {
    const { take } = counterWith(1);
    expect([take('a'), take('b'), take('a')]).toEqual([0, 0, 60]);
  });

  it('counts a use for none of its keys if one of them has used up its limit', () => {
    const { take } = counterWith(2);
    expect([take('user', 'one'), take('user', 'one')]).toEqual([0, 0]);
    expect([take('user', 'two'), take('two'), take('two')]).toEqual([60, 0, 0]);
  });

  it('returns the longest wait of the keys that have used up their limits', () => {
    const { clock, take } = counterWith(1);
    take('a');
    clock.now += 20_000;
    take('b');
    expect(take('a', 'b')).toBe(60);
  });

  it('forgets the least recently used key beyond maxKeys', () => {
    const { take } = counterWith(1, 2);
    expect([take('a'), take('b'), take('a'), take('c')]).toEqual([0, 0, 60, 0]);
    expect([take('a'), take('b')]).toEqual([60, 0]);
  });

  it('measures time with a monotonic clock', () => {
    const counter = new WindowCounter({ max: 1, maxKeys: 2, window: 60_000 });
    expect(counter.take('a')).toBe(0);
    const real = Date.now;
    Date.now = () => real() + 3600_000;
    try {
      expect(counter.take('a')).toBeGreaterThan(50);
    } finally {
      Date.now = real;
    }
  });
});
