// Tests of which addresses count as private: every spelling that leads to this machine's networks.
import { describe, expect, it } from 'vitest';
import { isPrivateAddress } from './address.ts';

describe('an address is private', () => {
  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback, another', '127.255.255.254'],
    ['private, 10', '10.1.2.3'],
    ['private, 172', '172.20.0.1'],
    ['private, 192', '192.168.1.1'],
    ['link-local and metadata', '169.254.169.254'],
    ['shared by carriers', '100.100.1.1'],
    ['unspecified', '0.0.0.0'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['documentation', '192.0.2.1'],
    ['IPv6 loopback', '::1'],
    ['IPv6 unspecified', '::'],
    ['unique local', 'fd00::1'],
    ['link-local, IPv6', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['multicast, IPv6', 'ff02::1'],
    ['mapped', '::ffff:10.0.0.1'],
    ['mapped, in hex', '::ffff:a00:1'],
    ['translated, RFC 6145', '::ffff:0:10.0.0.1'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['translated, well-known prefix', '64:ff9b::a00:1'],
    ['translated, local prefix', '64:ff9b:1::a00:1'],
    ['6to4', '2002:7f00:1::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['no address at all', 'localhost'],
  ])('as %s', (_, address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });
  it.each(['1.1.1.1', '140.82.112.3', '2606:4700::1', '2a00:1450:4001:80b::200e'])(
    'but not %s',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});
