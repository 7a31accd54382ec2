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
   * The unique key of the name; see `nameKey`. It is written with the name, and used only in
   * conditions.
   */
  @Index('users_name_key_key', { unique: true })
  @Column({
    type: 'varchar',
    name: 'name_key',
    length: 255,
    collation: 'C',
    // Needed by the migration. A second row without a key would violate the index.
    default: '',
    select: false,
  })
  nameKey: string;

  /** argon2id, in the PHC string format. Only queries that name this column read it. */
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
