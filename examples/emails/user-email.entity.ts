import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A further field of a user, in a table of its own, so that the table `users` stays as it is. */
@Entity('user_emails')
export class UserEmail {
  @PrimaryColumn('integer', { name: 'user_id' })
  userId: number;

  /** In lower case; unique. */
  @Index('user_emails_email_key', { unique: true })
  @Column({ type: 'varchar', length: 254, collation: 'C' })
  email: string;
}
