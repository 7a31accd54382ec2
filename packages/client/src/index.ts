export type { components, operations, paths } from './api-types.js';
export { type ApiClient, type ClientOptions, createClient } from './client.js';
export { ApiError, type ErrorBody, type ErrorCode, etagOf, unwrap } from './errors.js';
export {
  memoryStorage,
  type Tokens,
  type TokenStorage,
  webStorage,
  type WebStorage,
} from './storage.js';
