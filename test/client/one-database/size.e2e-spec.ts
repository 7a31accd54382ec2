import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { idempotentPaths } from '../../../packages/client/src/idempotent-paths.js';
import { bundleClient } from '../bundle-client.js';

describe('The bundled client', () => {
  it('has less than 5 kB with its dependencies, gzipped', async () => {
    const code = await bundleClient('esm');
    // Each resource that a project adds makes this list a little longer.
    const list = JSON.stringify(idempotentPaths);
    expect(code).toContain(list);
    expect(gzipSync(code.replace(list, '["/api/users"]')).length).toBeLessThan(5000);
  });
});
