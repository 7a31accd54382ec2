import { CreateUsersShipsSessions1795330800000 } from './1795330800000-create-users-ships-sessions.js';
import { RenameSessionAgent1795339800000 } from './1795339800000-rename-session-agent.js';
import { CreateBooks1795349000000 } from './1795349000000-create-books.js';
import { SortLists1795360000000 } from './1795360000000-sort-lists.js';
import { RotateRefreshTokens1795370000000 } from './1795370000000-rotate-refresh-tokens.js';
import { CreateAuditLoginFailures1795380000000 } from './1795380000000-create-audit-login-failures.js';
import { AddUserNameKeys1795390000000 } from './1795390000000-add-user-name-keys.js';
import { NarrowRefreshGrace1795400000000 } from './1795400000000-narrow-refresh-grace.js';
import { RemoveUsersInBatches1795410000000 } from './1795410000000-remove-users-in-batches.js';
import { AddAuditRequestId1795420000000 } from './1795420000000-add-audit-request-id.js';

/** The migrations in the order in which they run. A test fails if one of this folder is missing. */
export const migrations = [
  CreateUsersShipsSessions1795330800000,
  RenameSessionAgent1795339800000,
  CreateBooks1795349000000,
  SortLists1795360000000,
  RotateRefreshTokens1795370000000,
  CreateAuditLoginFailures1795380000000,
  AddUserNameKeys1795390000000,
  NarrowRefreshGrace1795400000000,
  RemoveUsersInBatches1795410000000,
  AddAuditRequestId1795420000000,
];
