import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A single token that was revoked. `ExpiryService` removes it a day after the token expires. */
@Entity('revoked_tokens')
export class RevokedToken {
  /** The claim `jti`. */
  @PrimaryColumn('varchar', { length: 255 })
  jti: string;

  /** When the token expires, in milliseconds since 1970. */
  @Index('revoked_tokens_expires_at_idx')
  @Column('bigint', { name: 'expires_at' })
  expiresAt: number;
}
