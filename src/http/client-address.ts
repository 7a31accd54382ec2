import { isIP, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** The client's address. A proxy may pass on whatever it was sent, and not all of that is one. */
export function clientAddress(request: FastifyRequest): string {
  const address = isIP(request.ip) ? request.ip : (request.raw.socket.remoteAddress ?? '');
  // The zone is a name on the machine that has the address (RFC 4007, section 11), as long as it likes.
  return address.split('%', 1)[0]!;
}

/** What is counted as one client: an IPv4 address, or the /64 that an IPv6 client has to itself. */
export function clientNetwork(request: FastifyRequest): string {
  return networkOf(clientAddress(request));
}

/** Neighbours in the same hands, more or less: a /24 of IPv4, a /64 of IPv6. */
export function addressRange(address: string): string {
  const network = networkOf(address);
  return network.includes(':') ? network : network.split('.').slice(0, 3).join('.');
}

function networkOf(address: string): string {
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (embedded !== undefined || !isIPv6(address)) return embedded ?? address;
  const [head = '', tail = ''] = address.split('::');
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return groups.map((group) => group.toString(16)).join(':');
}

/** Groups of 16 bits; an IPv4 address at the end takes two, whose value matters to nobody here. */
function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => (group.includes('.') ? [0, 0] : [parseInt(group, 16)]));
}
