import { BlockList, isIP } from 'node:net';

/**
 * The prefix lengths of the widest accepted ranges. `10.0.0.0/8` is the widest range of private
 * IPv4 addresses (RFC 1918). In IPv6 it is `fc00::/7` (RFC 4193); any other /7 contains public
 * addresses.
 */
const WIDEST = { ipv4: 8, ipv6: 10, uniqueLocal: 7 };
/** The prefix of IPv4 addresses in IPv6 has 96 bits (RFC 4291, section 2.5.5.2). */
const MAPPED = '::ffff:0.0.0.0';
const MAPPED_BITS = 96;

/** Whether the text is an IP address, or a range in CIDR notation. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/**
 * Whether the range is wider than any private network, and so contains clients as well as proxies.
 *
 * @param range a valid range; see `isAddressRange`
 */
export function isWiderThanNetwork(range: string): boolean {
  const [address = '', text] = range.split('/');
  if (text === undefined) return false;
  const bits = Number(text);
  if (isIP(address) === 4) return bits < WIDEST.ipv4;
  if (bits < (/^f[cd][\da-f]{2}:/i.test(address) ? WIDEST.uniqueLocal : WIDEST.ipv6)) return true;
  // The addresses of IPv4 clients are also compared in their IPv6 form.
  return bits < MAPPED_BITS + WIDEST.ipv4 && holdsMapped(address, Math.min(bits, MAPPED_BITS));
}

function holdsMapped(address: string, bits: number): boolean {
  const list = new BlockList();
  list.addSubnet(address, bits, 'ipv6');
  return list.check(MAPPED, 'ipv6');
}
