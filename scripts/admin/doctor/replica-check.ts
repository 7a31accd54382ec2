import pg from 'pg';
import type { AppConfig } from '../../../src/config/app-config.js';
import { messageOf } from '../../../src/errors/error-message.js';
import { type Finding, findings } from './finding.js';

/** Whether the replica can be reached and is a standby, if lists are read from one. */
export async function checkReplica({ database }: AppConfig): Promise<Finding[]> {
  const url = database.engine === 'postgres' ? database.replicaUrl : null;
  if (!url) return [];
  const { ok, warning } = findings('replica');
  const { host } = new URL(url);
  const timeouts = { connectionTimeoutMillis: 2000, query_timeout: 2000 };
  const client = new pg.Client({ connectionString: url, ...timeouts });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const text = 'SELECT pg_is_in_recovery() AS standby';
    const [row] = (await client.query<{ standby: boolean }>(text)).rows;
    if (row?.standby === true) return [ok(`The replica at ${host} is a standby.`)];
    return [
      warning(`The server at ${host} is not a standby, so DATABASE_REPLICA_URL is not used.`),
    ];
  } catch (error) {
    const message = messageOf(error).replace(/\.$/, '');
    return [
      warning(
        `The replica at ${host} cannot be used (${message}). Until it can, the primary answers its reads.`,
      ),
    ];
  } finally {
    void client.end().catch(() => undefined);
  }
}
