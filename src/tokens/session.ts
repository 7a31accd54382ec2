import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * What a login opens: the tokens that carry its id live and end with it. All moments are in
 * milliseconds since 1970.
 */
@Entity('sessions')
@Index('sessions_live_idx', ['subject', 'lastUsedAt'], { where: '"ended_at" IS NULL' })
export class Session {
  /** A UUID; the claim `sid`. */
  @PrimaryColumn('varchar', { length: 36 })
  id: string;

  /** The claim `sub` of its tokens. */
  @Index('sessions_subject_idx')
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

  /** The digest of the one before it, if any, */
  @Column('varchar', { name: 'spent_token', length: 43, nullable: true })
  spentToken: string | null;

  /** when it was spent, */
  @Column('bigint', { name: 'spent_at', nullable: true })
  spentAt: number | null;

  /** and what it was spent for: the current token, sealed with the spent one. */
  @Column('text', { nullable: true })
  successor: string | null;

  /** What the client says it is. */
  @Column('varchar', { length: 255, nullable: true })
  agent: string | null;

  @Column('varchar', { length: 64, nullable: true })
  ip: string | null;
}
