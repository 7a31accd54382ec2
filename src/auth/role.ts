import type { KnownUser } from '../users/user.repository.js';

/** What the access tokens of a user may do. */
export function roleOf(user: Pick<KnownUser, 'admin'>): { scope: Record<string, unknown> } {
  return { scope: user.admin ? { admin: true } : {} };
}
