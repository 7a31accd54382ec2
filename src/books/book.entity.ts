import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { RowVersion } from '../database/versions/row-version.js';

/** A book of one user. Other users cannot see it. */
@Entity('books')
@Index('books_owner_name_author_key', ['ownerId', 'name', 'author'], { unique: true })
@Index('books_owner_id_idx', ['ownerId', 'id'])
export class Book {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @RowVersion()
  version: number;

  /**
   * The id of the user. It is not a foreign key, because deleting a user would then delete all of
   * their books in one write.
   */
  @Column('integer', { name: 'user_id' })
  ownerId: number;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  name: string;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  author: string;

  @Column({ type: 'varchar', length: 255, collation: 'C' })
  publisher: string;

  @Column('bigint', { nullable: true })
  price: number | null;
}
