/** class-transformer has no types for this file, which holds the metadata of `@Type()`. */
declare module 'class-transformer/cjs/storage.js' {
  export * from 'class-transformer/types/storage.js';
}
