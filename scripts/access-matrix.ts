import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PUBLIC } from '../src/access/require-token.decorator.js';
import { type TokenRequirement, unmetCondition } from '../src/access/requirement.js';
import {
  type DeclaredRoute,
  RouteRequirementsService,
} from '../src/access/route-requirements.service.js';
import { type Claims, Token } from '../src/tokens/token.js';
import type { Role } from '../src/users/roles/roles.js';
import { roleNames, scopeOf } from '../src/users/roles/scope.js';

/** Whether a token of a user is accepted: always, never, or only if the route names that user. */
export type Access = 'yes' | 'no' | 'own';

export interface MatrixRow {
  /** The method and the path pattern: `PUT /api/users/:id`. */
  route: string;
  /** The kind of token that the route requires; null if it is public. */
  token: 'access' | 'fresh access' | 'refresh' | null;
  /** The access of a user without a role. */
  user: Access;
  roles: Record<Role, Access>;
}

/** Derives from the decorators which roles may use which routes, sorted by path. */
export function accessMatrix(app: NestFastifyApplication): MatrixRow[] {
  return app
    .get(RouteRequirementsService, { strict: false })
    .routes()
    .flatMap((route) => route.paths.map((path) => rowOf(route, path)))
    .sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
}

const sortKey = ({ route }: MatrixRow): string => route.split(' ').reverse().join(' ');

function rowOf({ method, access }: DeclaredRoute, path: string): MatrixRow {
  const of = (roles: readonly Role[]) => (access === PUBLIC ? 'yes' : accessOf(access, roles));
  return {
    route: `${method} ${path}`,
    token: access === PUBLIC ? null : tokenKind(access),
    user: of([]),
    roles: Object.fromEntries(roleNames.map((role) => [role, of([role])])) as MatrixRow['roles'],
  };
}

function tokenKind({ type, fresh }: TokenRequirement): MatrixRow['token'] {
  if (type === 'refresh') return 'refresh';
  return fresh === true ? 'fresh access' : 'access';
}

const OWN_ID = '1';

function accessOf(requirement: TokenRequirement, roles: readonly Role[]): Access {
  const claims = { sub: OWN_ID, fresh: true, scope: scopeOf(roles) } as unknown as Claims;
  const token = new Token('', { alg: 'HS256' }, claims);
  const isAccepted = (id: string) => unmetCondition(requirement, token, { id }) === null;
  if (isAccepted('2')) return 'yes';
  return isAccepted(OWN_ID) ? 'own' : 'no';
}

/** The page `docs/access.md`. */
export function accessPage(matrix: readonly MatrixRow[], compatible: readonly MatrixRow[]): string {
  const differences = compatible.filter(
    (row) => !matrix.some((each) => JSON.stringify(each) === JSON.stringify(row)),
  );
  return `# Roles and routes

\`npm run openapi\` writes this page from the decorators of the routes and from the roles in
\`src/users/roles/roles.ts\`. A test compares it with the running service.

- **Token** is the token that a route requires. “Fresh” means from a login, not from a refresh.
- **User** is a user without a role, and every further column a user with that role.
- “Own” means that the \`:id\` of the path has to be that of the user.

${table(matrix)}
A route that answers “yes” may still refuse a request for other reasons: rows that belong to another
user do not exist for the caller, and \`REGISTRATION=closed\` requires an administrator to register
users.

## With \`FLASK_COMPAT=true\`

${differences.length === 0 ? 'All routes are the same.\n' : `These routes differ:\n\n${table(differences)}`}`;
}

/** A Markdown table in the form of Prettier. */
function table(matrix: readonly MatrixRow[]): string {
  const head = ['Route', 'Token', 'User', ...roleNames.map((role) => `\`${role}\``)];
  const rows = matrix.map(({ route, token, user, roles }) => [
    ...[`\`${route}\``, token ?? 'none', user],
    ...roleNames.map((role) => roles[role]),
  ]);
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}
