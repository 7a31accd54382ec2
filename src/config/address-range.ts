import { BlockList, isIP } from 'node:net';

/**
 * Bits of a prefix: `10.0.0.0/8` is the widest range of private addresses (RFC 1918). In IPv6 it is
 * `fc00::/7` (RFC 4193), and a /7 elsewhere holds public addresses.
 */
const WIDEST = { ipv4: 8, ipv6: 10, uniqueLocal: 7 };
/** IPv4 addresses within IPv6 (RFC 4291, section 2.5.5.2) begin with 96 bits of their own. */
const MAPPED = '::ffff:0.0.0.0';
const MAPPED_BITS = 96;

/** Whether the text is an IP address, or a range in the notation of CIDR. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/**
 * Whether the range is wider than any private network, so that it holds clients besides proxies.
 *
 * @param range one that is valid, see `isAddressRange`
 */
export function isWiderThanNetwork(range: string): boolean {
  const [address = '', text] = range.split('/');
  if (text === undefined) return false;
  const bits = Number(text);
  if (isIP(address) === 4) return bits < WIDEST.ipv4;
  if (bits < (/^f[cd][\da-f]{2}:/i.test(address) ? WIDEST.uniqueLocal : WIDEST.ipv6)) return true;
  // An IPv4 client is held against such a range, too, in the form of IPv6.
  return bits < MAPPED_BITS + WIDEST.ipv4 && holdsMapped(address, Math.min(bits, MAPPED_BITS));
}

function holdsMapped(address: string, bits: number): boolean {
  const list = new BlockList();
  list.addSubnet(address, bits, 'ipv6');
  return list.check(MAPPED, 'ipv6');
}
