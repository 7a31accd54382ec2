import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The answer to a request with an `Idempotency-Key`. It is written in the transaction of the request,
 * and holds nothing of a password.
 */
@Entity('idempotency_records')
@Index('idempotency_records_caller_expires_at_idx', ['caller', 'expiresAt'])
export class IdempotencyRecord {
  /** SHA-256 of the caller, the route and the key, in base64url. */
  @PrimaryColumn('varchar', { length: 43 })
  id: string;

  /** The user whose token was sent, or the address range of an anonymous request. */
  @Column('varchar', { length: 64 })
  caller: string;

  /** SHA-256 of the body without its password, in base64url. */
  @Column('varchar', { length: 43 })
  fingerprint: string;

  /** The body of the answer, as JSON. Null until the transaction ends. */
  @Column('text', { nullable: true })
  body: string | null;

  /** The version of the created row; null if its rows have none. */
  @Column('bigint', { nullable: true })
  version: number | null;

  /** The header `Location` of the answer. */
  @Column('text', { nullable: true })
  location: string | null;

  /** The user with whom the record is removed: the owner of the answer. */
  @Index('idempotency_records_user_id_idx')
  @Column('integer', { name: 'user_id', nullable: true })
  userId: number | null;

  /** Milliseconds since 1970. */
  @Index('idempotency_records_expires_at_idx')
  @Column('bigint', { name: 'expires_at' })
  expiresAt: number;
}
