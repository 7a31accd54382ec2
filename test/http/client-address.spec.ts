import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import {
  addressPath,
  addressRange,
  clientAddress,
  clientNetwork,
} from '../../src/http/client-address.js';

/** A request that a proxy forwards for `ip`. */
const from = (ip: string) =>
  ({ ip, raw: { socket: { remoteAddress: '127.0.0.1' } } }) as unknown as FastifyRequest;

describe('The address of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', '127.0.0.1'],
    ['192.0.2.300:1', '127.0.0.1'],
  ])('reads the forwarded address %s as %s', (forwarded, address) => {
    expect(clientAddress(from(forwarded))).toBe(address);
  });

  it.each([
    '10.1.1.5',
    '10.1.1.5:99',
    '::ffff:10.1.1.5',
    '::FFFF:0a01:0105',
    '0:0:0:0:0:ffff:10.1.1.5',
    '0000:0000:0000:0000:0000:ffff:0a01:0105',
    '64:ff9b::10.1.1.5',
    '64:ff9b::a01:105',
  ])('recognizes the client 10.1.1.5 in the spelling %s', (spelling) => {
    expect(clientNetwork(from(spelling))).toBe('10.1.1.5');
    expect(addressRange(clientAddress(from(spelling)))).toBe('10.1.1');
  });

  it('groups IPv6 addresses by /64, in every spelling', () => {
    const spellings = ['2001:db8::1', '2001:DB8:0:0:ffff::', '2001:0db8:0000:0000:1:2:3:4'];
    expect(new Set(spellings.map(addressRange))).toEqual(new Set(['2001:db8:0:0']));
    expect(addressRange('2001:db8:0:1::1')).toBe('2001:db8:0:1');
  });

  it.each([
    ['10.1.2.3', ['10.1.0.0/16', '10.1.2.0/24']],
    ['::ffff:10.1.2.3', ['10.1.0.0/16', '10.1.2.0/24']],
    [
      '2001:DB8::abcd:0:0:0:1',
      ['2001:db8::/32', '2001:db8:0::/48', '2001:db8:0:ab00::/56', '2001:db8:0:abcd::/64'],
    ],
    ['::1', ['0:0::/32', '0:0:0::/48', '0:0:0:0::/56', '0:0:0:0::/64']],
    ['', ['']],
  ])(
    'lists the networks of an address from the widest to the narrowest: %j',
    (address, networks) => {
      expect(addressPath(address)).toEqual(networks);
    },
  );

  it('puts the 256 /64s of one home into one /56, and the homes of one site into one /48', () => {
    const [, site, home] = addressPath('2001:db8:1:aa00::1');
    expect(addressPath('2001:db8:1:aaff::1')[2]).toBe(home);
    expect(addressPath('2001:db8:1:ab00::1')[2]).not.toBe(home);
    expect(addressPath('2001:db8:1:ab00::1')[1]).toBe(site);
  });
});
