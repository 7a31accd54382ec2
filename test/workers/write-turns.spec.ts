import { beforeEach, describe, expect, it } from '@jest/globals';
import { WriteTurns } from '../../src/workers/write-turns.js';

describe('WriteTurns', () => {
  let turns: WriteTurns<string>;
  let begun: string[];
  const request = (owner: string, id: number) =>
    turns.request(owner, id, () => begun.push(`${owner} ${id}`));

  beforeEach(() => {
    turns = new WriteTurns();
    begun = [];
  });

  it('gives one turn at a time, in the order of the requests', () => {
    request('a', 1);
    request('b', 1);
    request('a', 2);
    expect(begun).toEqual(['a 1']);
    turns.end('a', 1);
    expect(begun).toEqual(['a 1', 'b 1']);
    turns.end('b', 1);
    turns.end('a', 2);
    request('b', 2);
    expect(begun).toEqual(['a 1', 'b 1', 'a 2', 'b 2']);
  });

  it('skips a request that was given up', () => {
    request('a', 1);
    request('b', 1);
    request('b', 2);
    turns.end('b', 1);
    expect(begun).toEqual(['a 1']);
    turns.end('a', 1);
    expect(begun).toEqual(['a 1', 'b 2']);
  });

  it('ends the turn and the requests of a worker that has ended', () => {
    request('a', 1);
    request('a', 2);
    request('b', 1);
    turns.endAll('a');
    expect(begun).toEqual(['a 1', 'b 1']);
  });

  it('does not begin a turn twice when another worker ends', () => {
    request('a', 1);
    request('b', 1);
    turns.endAll('b');
    turns.endAll('c');
    turns.end('b', 1);
    expect(begun).toEqual(['a 1']);
  });

  it('ignores the end of a turn of another worker with the same number', () => {
    request('a', 1);
    request('b', 2);
    turns.end('b', 1);
    expect(begun).toEqual(['a 1']);
  });
});
