import { type IncomingMessage, request, type ServerResponse } from 'node:http';

/**
 * Passes a request on to a service, and its response back.
 *
 * @param onResponse is called with the response of the service
 */
export function passOn(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onResponse: (response: IncomingMessage) => void = () => undefined,
): void {
  const { method, url = '/', headers } = incoming;
  const forwarded = request(target + url, { method, headers }, (response) => {
    onResponse(response);
    outgoing.writeHead(response.statusCode!, response.headers);
    response.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  incoming.pipe(forwarded);
}
