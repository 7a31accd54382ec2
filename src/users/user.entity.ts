import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  /** In Unicode NFC; unique. */
  @Index('users_name_key', { unique: true })
  @Column({ type: 'varchar', length: 80, collation: 'C' })
  name: string;

  /**
   * What no two names share; see `nameKey`. Written with the name, and read by no query.
   */
  @Index('users_name_key_key', { unique: true })
  @Column({
    type: 'varchar',
    name: 'name_key',
    length: 255,
    collation: 'C',
    // For the migration: a second row without a key breaks the index.
    default: '',
    select: false,
  })
  nameKey: string;

  /** argon2id, in the PHC string format. Read only where a query asks for it by name. */
  @Column('varchar', { name: 'password_hash', length: 255, select: false })
  passwordHash: string;

  @Column('boolean')
  admin: boolean;

  /** A UUID, for clients that must not learn how many users there are. */
  @Index('users_public_id_key', { unique: true })
  @Column('varchar', { name: 'public_id', length: 36 })
  publicId: string;

  /** Milliseconds since 1970. */
  @Column('bigint', { name: 'created_at' })
  createdAt: number;
}
