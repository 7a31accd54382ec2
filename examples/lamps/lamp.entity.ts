import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { RowVersion } from '../../src/database/versions/row-version.js';
import { SortIndexes } from '../../src/lists/sort-indexes.decorator.js';

@Entity('lamps')
@SortIndexes('lamps')
export class Lamp {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @RowVersion()
  version: number;

  /** 24 bits: red, green and blue. */
  @Column('integer')
  colour: number;

  /** Milliseconds since 1970. */
  @Index('lamps_created_at_idx')
  @Column('bigint', { name: 'created_at' })
  createdAt: number;
}
