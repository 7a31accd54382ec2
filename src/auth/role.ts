import type { KnownUser } from '../users/user.repository.js';

/** The scope of the access tokens of a user. */
export function roleOf(user: Pick<KnownUser, 'admin'>): { scope: Record<string, unknown> } {
  return { scope: user.admin ? { admin: true } : {} };
}
