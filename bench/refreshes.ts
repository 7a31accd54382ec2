import type autocannon from 'autocannon';
import { type Measurement, putUnderLoad } from './load.js';
import { logIn } from './same-answer.js';
import type { Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';

/** Requests for each second that a round is meant to take. A round ends when all have a response. */
const RATE = 1000;

/**
 * Each request sends the token that the last refresh of its session returned. No response may be lost,
 * because its token has been rotated, so that a round has a number of requests.
 */
export async function prepareRefreshes(
  { method, path, connections }: Scenario,
  server: ServerProcess,
  seconds: number,
): Promise<() => Promise<Measurement>> {
  const idle: string[] = [];
  for (let i = 0; i < connections; i++) idle.push((await logIn(server)).refresh);
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    const headers = { authorization: `Bearer ${idle.shift()!}` };
    return { ...request, headers };
  };
  const onResponse = (status: number, body: string): void => {
    if (status === 200) idle.push((JSON.parse(body) as { refresh_token: string }).refresh_token);
  };
  const load = { method, path, connections, headers: {}, requests: [{ setupRequest, onResponse }] };
  const amount = RATE * seconds;
  return () => putUnderLoad(server, { ...load, seconds, amount });
}
