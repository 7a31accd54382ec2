import { startProduct } from './own-server.js';
import { median } from './statistics.js';

const TRIES = 200;
/** The share by which the two medians may differ. */
export const ALIKE = 0.05;

/** How long a refused login takes, in milliseconds: medians of the tries. */
export interface LoginTimes {
  tries: number;
  known: number;
  unknown: number;
  /** By which share of the smaller one they differ. */
  difference: number;
}

/**
 * Tries wrong passwords, by turns for a user and for an unknown name. Each is tried once: a
 * second failure of a name would be another, and a sixth is refused at once.
 */
export async function measureLoginTimes(folder: string): Promise<LoginTimes> {
  const server = await startProduct(folder, 'login-times');
  const post = async (path: string, body: object): Promise<number> => {
    const begin = performance.now();
    const response = await fetch(server.origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.text();
    return performance.now() - begin;
  };
  const name = (kind: string, index: number) => `${kind}-${String(index).padStart(4, '0')}`;
  for (let i = 0; i < TRIES; i++) {
    await post('/api/users', { name: name('existing', i), password: 'a long way from home' });
  }
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  const tryOnce = async (kind: 'known' | 'unknown', index: number) => {
    const username = name(kind === 'known' ? 'existing' : 'unknown-', index);
    times[kind].push(await post('/auth/login', { username, password: 'a wrong one' }));
  };
  for (let i = 0; i < TRIES; i++) {
    // Each goes first as often as the other.
    const order = i % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
    for (const kind of order) await tryOnce(kind, i);
  }
  await server.stop();
  const [known, unknown] = [median(times.known), median(times.unknown)];
  const difference = Math.abs(known - unknown) / Math.min(known, unknown);
  return { tries: TRIES, known, unknown, difference };
}
