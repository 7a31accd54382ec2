import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { RowVersion } from '../database/versions/row-version.js';
import { SortIndexes } from '../lists/sort-indexes.decorator.js';

@Entity('ships')
@SortIndexes('ships')
export class Ship {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @RowVersion()
  version: number;

  @Column({ type: 'text', collation: 'C' })
  affiliation: string;

  @Column({ type: 'text', collation: 'C' })
  category: string;

  @Column('bigint')
  crew: number;

  /** In metres. */
  @Column('bigint')
  length: number;

  @Column({ type: 'text', collation: 'C' })
  manufacturer: string;

  @Column({ type: 'text', collation: 'C' })
  model: string;

  @Column('simple-json')
  roles: string[];

  @Column({ type: 'text', name: 'ship_class', collation: 'C' })
  shipClass: string;
}
