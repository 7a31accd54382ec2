/**
 * The roles of users. Each role is a name and the entries that it adds to the scope of access
 * tokens. Add your own here; routes require them with `@RequireToken({ scope: … })`.
 *
 * `admin` cannot be removed, because the service itself requires its scope.
 */
export const ROLES = {
  admin: { admin: true },
} as const satisfies Record<string, Record<string, unknown>>;

/** The name of a declared role. */
export type Role = keyof typeof ROLES;
