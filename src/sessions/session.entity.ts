import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A session, which a login opens. Tokens that carry its id are valid while it is active. All times
 * are timestamps: milliseconds since 1970. The names of columns keep the earlier term `spent` for
 * `rotated`.
 */
@Entity('sessions')
@Index('sessions_subject_last_used_at_idx', ['subject', 'lastUsedAt'])
@Index('sessions_live_idx', ['subject', 'lastUsedAt'], { where: 'ended_at IS NULL' })
@Index('sessions_successor_idx', ['rotatedAt'], { where: 'successor IS NOT NULL' })
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

  /** None of its tokens is valid for longer. A refresh may extend it. */
  @Index('sessions_expires_at_idx')
  @Column('bigint', { name: 'expires_at' })
  expiresAt: number;

  /** When it was ended before it expired; null while it is active. */
  @Column('bigint', { name: 'ended_at', nullable: true })
  endedAt: number | null;

  /** The digest of the current refresh token; null if none is known. */
  @Column('varchar', { name: 'current_token', length: 43, nullable: true })
  currentToken: string | null;

  /** The digest of the refresh token before the current one; null before the first refresh. */
  @Column('varchar', { name: 'spent_token', length: 43, nullable: true })
  rotatedToken: string | null;

  /** When `rotatedToken` was rotated. */
  @Column('bigint', { name: 'spent_at', nullable: true })
  rotatedAt: number | null;

  /**
   * The current token, sealed; see `SuccessorSealService`. Null outside of the grace period, and
   * after the session has ended.
   */
  @Column('text', { nullable: true })
  successor: string | null;

  /**
   * The address range of the request that rotated the token. It is stored and erased together with
   * `successor`.
   */
  @Column('varchar', { name: 'spent_range', length: 64, nullable: true })
  rotatedByRange: string | null;

  /** The user agent of the request that rotated the token. */
  @Column('varchar', { name: 'spent_agent', length: 255, nullable: true })
  rotatedByAgent: string | null;

  /** How many repeats of the rotated token were answered. */
  @Column('integer', { default: 0 })
  repeats: number;

  /** Whether a repeat came from another address range than `rotatedByRange`. */
  @Column('boolean', { name: 'repeated_elsewhere', default: false })
  repeatedElsewhere: boolean;

  /** Digests of the ranges and agents whose repeats are in the audit trail already. */
  @Column('simple-json', { name: 'repeated_by', nullable: true })
  repeatedBy: string[] | null;

  /** Verifications of the current password since the last correct one, including running ones. */
  @Column('integer', { name: 'password_attempts', default: 0 })
  passwordAttempts: number;

  /** The user agent of the login. */
  @Column('varchar', { length: 255, nullable: true })
  agent: string | null;

  @Column('varchar', { length: 64, nullable: true })
  ip: string | null;
}
