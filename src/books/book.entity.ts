import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A book of one user, who alone knows of it. */
@Entity('books')
@Index('books_owner_name_author_key', ['ownerId', 'name', 'author'], { unique: true })
@Index('books_owner_id_idx', ['ownerId', 'id'])
export class Book {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  /** The user's id. No foreign key: it would remove all books of a user in one write. */
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
