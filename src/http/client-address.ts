import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** The client's address. A forwarded value that is not an address is ignored. */
export function clientAddress(request: FastifyRequest): string {
  const { ip } = request;
  const { remoteAddress = '' } = request.raw.socket;
  const address = ip === remoteAddress ? ip : (forwardedAddress(ip) ?? remoteAddress);
  // Removes the zone, a local name of any length (RFC 4007, section 11).
  return address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
}

/** The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address. */
export function clientNetwork(request: FastifyRequest): string {
  return networkOf(clientAddress(request));
}

/** The range of addresses that is likely to be in the same hands: a /24 of IPv4, a /64 of IPv6. */
export function addressRange(address: string): string {
  const network = networkOf(address);
  return network.includes(':') ? network : network.split('.').slice(0, 3).join('.');
}

/**
 * The networks that contain the address, from the widest to the narrowest. Each has a size that is
 * assigned to one party. In IPv6 these are a provider or hoster (/32), a site (/48), a home (/56)
 * and a network (/64); see RFC 6177. In IPv4 they are a /16 and a /24.
 */
export function addressPath(address: string): string[] {
  const network = networkOf(address);
  if (isIPv4(network)) {
    const [a, b, c] = network.split('.');
    return [`${a}.${b}.0.0/16`, `${a}.${b}.${c}.0/24`];
  }
  if (!network.includes(':')) return [network];
  const [a, b, c, d = ''] = network.split(':');
  const home = (parseInt(d, 16) & 0xff00).toString(16);
  return [
    `${a}:${b}::/32`,
    `${a}:${b}:${c}::/48`,
    `${a}:${b}:${c}:${home}::/56`,
    `${a}:${b}:${c}:${d}::/64`,
  ];
}

/** Removes the client's port, which some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function forwardedAddress(value: string): string | null {
  const [, ipv4, ipv6] = /^(?:([\d.]+):\d+|\[([\da-f:.]+)\](?::\d+)?)$/i.exec(value) ?? [];
  const address = ipv4 ?? ipv6 ?? value;
  return isIP(address) ? address : null;
}

function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  const prefix = hexadecimal(groups.slice(0, 6));
  if (!EMBEDDING.includes(prefix)) return hexadecimal(groups.slice(0, 4));
  const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
  return bytes.join('.');
}

/** Prefixes before an IPv4 address (RFC 4291, section 2.5.5.2; RFC 6052, section 2.1). */
const EMBEDDING = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'];

function hexadecimal(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** The eight groups of 16 bits of an IPv6 address, in any notation (RFC 4291, section 2.2). */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const before = partsOf(head);
  if (tail === undefined) return before;
  const after = partsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after];
}

/** The groups of one side of `::`. An IPv4 address at the end takes two. */
function partsOf(side: string): number[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (!group.includes('.')) return [parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
