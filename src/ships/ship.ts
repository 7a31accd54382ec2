import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('ships')
export class Ship {
  @PrimaryGeneratedColumn('increment', { type: 'integer' })
  id: number;

  @Column('text')
  affiliation: string;

  @Column('text')
  category: string;

  @Column('bigint')
  crew: number;

  /** In metres. */
  @Column('bigint')
  length: number;

  @Column('text')
  manufacturer: string;

  @Column('text')
  model: string;

  @Column('simple-json')
  roles: string[];

  @Column('text', { name: 'ship_class' })
  shipClass: string;
}
