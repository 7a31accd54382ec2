import { Entity, Index, PrimaryColumn } from 'typeorm';

/** The longest name of a role. */
export const MAX_ROLE_NAME = 64;

/** A role of a user. The rows of a user change only while the row of the user is locked. */
@Entity('user_roles')
@Index('user_roles_role_idx', ['role', 'userId'])
export class UserRole {
  /** The id of the user. A foreign key would delete the rows when SQLite rebuilds the table `users`. */
  @PrimaryColumn('integer', { name: 'user_id' })
  userId: number;

  @PrimaryColumn({ type: 'varchar', length: MAX_ROLE_NAME, collation: 'C' })
  role: string;
}
