import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Counts consecutive wrong passwords for an account, either in total or from one address range. */
@Entity('login_failures')
export class LoginFailure {
  /** A digest, because a user may type a password in place of the name. */
  @PrimaryColumn('varchar', { length: 43 })
  key: string;

  @Column('integer')
  count: number;

  /** Milliseconds since 1970. */
  @Index('login_failures_last_at_idx')
  @Column('bigint', { name: 'last_at' })
  lastAt: number;
}
