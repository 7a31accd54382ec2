import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * What a login opens: the tokens that carry its id live and end with it. All moments are in
 * milliseconds since 1970.
 */
@Entity('sessions')
@Index('sessions_subject_last_used_at_idx', ['subject', 'lastUsedAt'])
@Index('sessions_live_idx', ['subject', 'lastUsedAt'], { where: 'ended_at IS NULL' })
@Index('sessions_successor_idx', ['spentAt'], { where: 'successor IS NOT NULL' })
export class Session {
  /** A UUID; the claim `sid`. */
  @PrimaryColumn('varchar', { length: 36 })
  id: string;

  /** The claim `sub` of its tokens. */
  @Column('varchar', { length: 255 })
  subject: string;

  @Column('bigint', { name: 'created_at' })
  createdAt: number;

  @Column('bigint', { name: 'last_used_at' })
  lastUsedAt: number;

  /** None of its tokens is valid for longer; a refresh may move it. */
  @Index('sessions_expires_at_idx')
  @Column('bigint', { name: 'expires_at' })
  expiresAt: number;

  /** When it was ended before its time; null while it lives. */
  @Column('bigint', { name: 'ended_at', nullable: true })
  endedAt: number | null;

  /** The digest of the refresh token that is good now; null where none is known. */
  @Column('varchar', { name: 'current_token', length: 43, nullable: true })
  currentToken: string | null;

  /** The digest of the refresh token before it; null before the first refresh. */
  @Column('varchar', { name: 'spent_token', length: 43, nullable: true })
  spentToken: string | null;

  /** When that token was spent. */
  @Column('bigint', { name: 'spent_at', nullable: true })
  spentAt: number | null;

  /**
   * The current token, sealed; see `SuccessorSeal`. Null outside of the grace period, and once the
   * session has ended.
   */
  @Column('text', { nullable: true })
  successor: string | null;

  /** The address range of the request that spent the token; null as `successor` is. */
  @Column('varchar', { name: 'spent_range', length: 64, nullable: true })
  spentRange: string | null;

  /** The user agent of that request. */
  @Column('varchar', { name: 'spent_agent', length: 255, nullable: true })
  spentAgent: string | null;

  /** How many repeats of the spent token were answered. */
  @Column('integer', { default: 0 })
  repeats: number;

  /** Whether one of them came from another address range than `spentRange`. */
  @Column('boolean', { name: 'repeated_elsewhere', default: false })
  repeatedElsewhere: boolean;

  /** Digests of the ranges and agents whose repeats are in the audit trail already. */
  @Column('simple-json', { name: 'repeated_by', nullable: true })
  repeatedBy: string[] | null;

  /** Verifications of the current password since the last correct one, including those that have not ended. */
  @Column('integer', { name: 'password_attempts', default: 0 })
  passwordAttempts: number;

  /** What the client says it is. */
  @Column('varchar', { length: 255, nullable: true })
  agent: string | null;

  @Column('varchar', { length: 64, nullable: true })
  ip: string | null;
}
