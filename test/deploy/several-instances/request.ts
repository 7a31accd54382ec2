import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';

export interface Sent {
  method?: string;
  json?: object;
  token?: string;
  /** The address of the client, which HAProxy forwards. */
  from?: string;
  /** The `X-Request-Id`. */
  id?: string;
  agent?: Agent;
}

export interface Received {
  status: number;
  /** The parsed JSON, or undefined. */
  body: unknown;
}

/** @param origin such as `http://127.0.0.1:8080` */
export async function send(
  origin: string,
  path: string,
  { method = 'GET', json, token, from, id, agent }: Sent = {},
): Promise<Received> {
  const headers = {
    ...(json && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(id !== undefined && { 'x-request-id': id }),
  };
  const options = { method, headers, ...(from && { localAddress: from }), agent: agent ?? false };
  const outgoing = request(origin + path, options);
  // A connection may fail after the beginning of the response as well, which then rejects.
  outgoing.on('error', () => undefined);
  outgoing.end(json && JSON.stringify(json));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of incoming) text += String(chunk);
  const isJson = incoming.headers['content-type']?.startsWith('application/json');
  return { status: incoming.statusCode!, body: isJson ? (JSON.parse(text) as unknown) : undefined };
}
