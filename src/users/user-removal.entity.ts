import { Entity, PrimaryColumn } from 'typeorm';

/** A deleted user, some of whose rows are not removed yet. */
@Entity('user_removals')
export class UserRemoval {
  @PrimaryColumn('integer', { name: 'user_id' })
  userId: number;
}
