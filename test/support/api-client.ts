import createClient from 'openapi-fetch';
import type { components, paths } from '../../packages/client/src/api-types.js';

export type Schemas = components['schemas'];

/** A client with the types of the OpenAPI document. Calls that they do not allow do not compile. */
export function apiClient(url: string, token: string) {
  return createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });
}
