import createClient from 'openapi-fetch';
import type { components, paths } from './api-types.js';

export type Schemas = components['schemas'];

/** A client whose types are those of the OpenAPI document: what they do not allow does not compile. */
export function apiClient(url: string, token: string) {
  return createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });
}
