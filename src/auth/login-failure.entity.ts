import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often in a row a password was wrong, for an account in all or from one range of addresses. */
@Entity('login_failures')
export class LoginFailure {
  /** A digest, because a user may type a password as the name. */
  @PrimaryColumn('varchar', { length: 43 })
  key: string;

  @Column('integer')
  count: number;

  /** Milliseconds since 1970. */
  @Index('login_failures_last_at_idx')
  @Column('bigint', { name: 'last_at' })
  lastAt: number;
}
