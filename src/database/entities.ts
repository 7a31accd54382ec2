import { getMetadataArgsStorage } from 'typeorm';

type Entity = new () => object;

/** Returns the classes with `@Entity()` that have been imported, as the feature modules do. */
export function loadedEntities(): Entity[] {
  return getMetadataArgsStorage()
    .tables.map(({ target }) => target)
    .filter((target): target is Entity => typeof target === 'function');
}
