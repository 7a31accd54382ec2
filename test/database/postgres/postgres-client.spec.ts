import { describe, expect, it } from '@jest/globals';
import { ConnectionGroup, PostgresClient } from '../../../src/database/postgres/postgres-client.js';

describe('PostgresClient', () => {
  it('survives an error that is emitted while no listener is registered', () => {
    const client = new PostgresClient({ group: new ConnectionGroup(false) });
    expect(client.emit('error', new Error('terminating connection'))).toBe(true);
  });
});
