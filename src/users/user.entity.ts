import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { RowVersion } from '../database/versions/row-version.js';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  /** Changes when the name does, or when `PUT` or `PATCH` writes the user. */
  @RowVersion()
  version: number;

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

  /**
   * Whether the user has the role `admin`. It is written with the roles, for lists of users and for
   * instances of versions that had no roles.
   */
  @Column('boolean')
  admin: boolean;

  /** How often the roles have changed. Access tokens with another version are refused. */
  @Column('integer', { name: 'role_version', default: 0 })
  roleVersion: number;

  /** A UUID, for clients that must not learn how many users there are. */
  @Index('users_public_id_key', { unique: true })
  @Column('varchar', { name: 'public_id', length: 36 })
  publicId: string;

  /** Milliseconds since 1970. */
  @Column('bigint', { name: 'created_at' })
  createdAt: number;
}
