import { describe, expect, it } from '@jest/globals';
import { ConnectionGroup, PostgresClient } from '../../../src/database/postgres/postgres-client.js';

describe('PostgresClient', () => {
  it('survives an error that comes while nothing listens for it', () => {
    const client = new PostgresClient({ group: new ConnectionGroup(false) });
    expect(client.emit('error', new Error('terminating connection'))).toBe(true);
  });
});
