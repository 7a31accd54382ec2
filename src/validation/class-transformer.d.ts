/** class-transformer has no types for this file, which holds what `@Type()` has said. */
declare module 'class-transformer/cjs/storage.js' {
  export * from 'class-transformer/types/storage.js';
}
