import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { User } from '../users/user.js';

/** A book of one user, who alone knows of it. */
@Entity('books')
@Index('books_owner_name_author_key', ['ownerId', 'name', 'author'], { unique: true })
@Index('books_owner_id_idx', ['ownerId', 'id'])
export class Book {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('integer', { name: 'user_id' })
  ownerId: number;

  /** For the database, which removes the books of a user with the user. */
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'books_user_id_fkey' })
  owner?: never;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  name: string;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  author: string;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  publisher: string;

  @Column('bigint', { nullable: true })
  price: number | null;
}
