import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The id of the only row. */
export const ONLY_ROW = 1;

/** The keys that `npm run keys` stores with `JWT_KEYS=database`. The table has at most one row. */
@Entity('token_keys')
export class StoredTokenKeys {
  /** Always `ONLY_ROW`. */
  @PrimaryColumn('integer')
  id: number;

  /** Each change of the keys adds 1. */
  @Column('integer')
  revision: number;

  /** The keys, encrypted; see `sealKeys`. */
  @Column('text')
  sealed: string;
}
