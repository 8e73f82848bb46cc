// Which addresses a registry may lead this machine to.
import ipaddr from 'ipaddr.js';

/**
 * IPv6 networks that ipaddr.js counts as ordinary unicast although they lead to an IPv4 address, or
 * to this machine: IPv4-compatible addresses (RFC 4291), and the local-use translation prefix (RFC
 * 8215) where the library does not know it.
 */
const EMBEDDED: readonly [ipaddr.IPv6, number][] = [
  [ipaddr.IPv6.parse('::'), 96],
  [ipaddr.IPv6.parse('64:ff9b:1::'), 48],
  [ipaddr.IPv6.parse('::ffff:0:0:0'), 96],
];

/**
 * Whether a server of names may not lead us to an address: anything but ordinary unicast, which is
 * this machine, its networks, a cloud's metadata, and IPv4 in the clothes of IPv6 (mapped,
 * translated, 6to4, Teredo). What is no address counts as private.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return true;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return true;
  return (
    parsed.kind() === 'ipv6' &&
    EMBEDDED.some(([net, bits]) => (parsed as ipaddr.IPv6).match(net, bits))
  );
}
