import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often in a row a password was wrong, for an account in all or from one range of addresses. */
@Entity('login_failures')
export class LoginFailure {
  /** A digest: what was tried as a name may be somebody's password. */
  @PrimaryColumn('varchar', { length: 43 })
  key: string;

  @Column('integer')
  count: number;

  /** Milliseconds since 1970. */
  @Index('login_failures_last_at_idx')
  @Column('bigint', { name: 'last_at' })
  lastAt: number;
}
