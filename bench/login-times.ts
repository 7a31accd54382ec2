import { startProduct } from './product-server.js';
import { median } from './statistics.js';

const ATTEMPTS = 200;
/** The maximum difference of the two medians, as a share of the smaller one. */
export const MAX_DIFFERENCE = 0.05;

/** How long a refused login takes. */
export interface LoginTimes {
  attempts: number;
  /** The median for existing users, in milliseconds. */
  known: number;
  /** The median for unknown names, in milliseconds. */
  unknown: number;
  /** The difference of the two medians, as a share of the smaller one. */
  difference: number;
}

/**
 * Sends wrong passwords, in turns for an existing user and for an unknown name. Each name gets one
 * attempt: the throttle records a second failure in another way, and refuses the sixth at once.
 */
export async function measureLoginTimes(folder: string): Promise<LoginTimes> {
  const server = await startProduct(folder, 'login-times');
  const post = async (path: string, body: object): Promise<number> => {
    const start = performance.now();
    const response = await fetch(server.origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.text();
    return performance.now() - start;
  };
  const name = (kind: string, index: number) => `${kind}-${String(index).padStart(4, '0')}`;
  for (let i = 0; i < ATTEMPTS; i++) {
    await post('/api/users', { name: name('existing', i), password: 'a long way from home' });
  }
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  const attempt = async (kind: 'known' | 'unknown', index: number) => {
    const username = name(kind === 'known' ? 'existing' : 'unknown-', index);
    times[kind].push(await post('/auth/login', { username, password: 'a wrong one' }));
  };
  for (let i = 0; i < ATTEMPTS; i++) {
    // The order alternates, so that neither kind always comes first.
    const order = i % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
    for (const kind of order) await attempt(kind, i);
  }
  await server.stop();
  const [known, unknown] = [median(times.known), median(times.unknown)];
  const difference = Math.abs(known - unknown) / Math.min(known, unknown);
  return { attempts: ATTEMPTS, known, unknown, difference };
}
