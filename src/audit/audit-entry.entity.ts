import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** The events of the audit trail. Their names are stored, so they never change. */
export const AUDIT_EVENTS = {
  login: 'a session was opened',
  login_failed: 'a password was wrong, or a name was unknown',
  refresh_repeated:
    'a rotated refresh token was sent again within the grace period and got its successor; recorded once per address range and user agent',
  refresh_reused: 'a rotated refresh token was reused, and its session ended',
  logout: 'an access token was revoked',
  session_ended: 'a session was ended by its user',
  session_evicted: 'a login exceeded `MAX_SESSIONS`, and ended this session',
  password_guessed: 'five wrong current passwords in a session ended it',
  other_sessions_ended: 'all sessions of the user except `session_id` were ended',
  sessions_ended:
    'the command line ended all sessions of the user, or of all users if `user_id` is null',
  login_unlocked: 'the command line deleted the failed logins of the user',
  password_changed: 'the password was changed, and sessions of the user ended',
  admin_granted: 'the user became an administrator',
  admin_revoked: 'the user is no longer an administrator',
  roles_changed: 'roles of the user other than `admin` changed',
  user_created: 'a user was registered',
  user_renamed: 'the name of the user was changed',
  user_deleted: 'the user was deleted, with all sessions and everything they own',
} as const;

export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** An event of an account. The entry stays when the user or the session is removed. */
@Entity('audit_entries')
@Index('audit_entries_user_id_idx', ['userId', 'id'])
export class AuditEntry {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  /** Milliseconds since 1970. */
  @Index('audit_entries_happened_at_idx')
  @Column('bigint', { name: 'happened_at' })
  happenedAt: number;

  @Column({ type: 'varchar', length: 40, collation: 'C' })
  event: AuditEvent;

  /** The id of the user whose account the event is about; null if there is none. */
  @Column('integer', { name: 'user_id', nullable: true })
  userId: number | null;

  /** The id of the user whose token was used; null if none was used. */
  @Column('integer', { name: 'actor_id', nullable: true })
  actorId: number | null;

  @Column({ type: 'varchar', name: 'session_id', length: 36, nullable: true, collation: 'C' })
  sessionId: string | null;

  @Column({ type: 'varchar', length: 64, nullable: true, collation: 'C' })
  ip: string | null;

  /** The `User-Agent` of the request. */
  @Column({ type: 'varchar', name: 'user_agent', length: 255, nullable: true, collation: 'C' })
  agent: string | null;

  /**
   * The `X-Request-Id` of the request; null if there was no request, or if the entry is from before
   * it was stored.
   */
  @Column({ type: 'varchar', name: 'request_id', length: 128, nullable: true, collation: 'C' })
  requestId: string | null;
}
