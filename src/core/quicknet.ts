// Key and pace of drand quicknet, the randomness beacon of every public network.

/**
 * Key, first pulse and pace of drand quicknet, as an arena names them (RULES "Drand beacon").
 * Pinned: whoever named another key could forge pulses, and whoever moved the first one could draw
 * from a pulse long published. `delaySeconds` lie between an anchor and its pulse: five blocks, so
 * that no author of a block can choose among pulses.
 */
export const QUICKNET_BEACON = {
  kind: 'drand',
  publicKey:
    '0x83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451' +
    '0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  genesisSeconds: 1_692_803_367,
  periodSeconds: 3,
  delaySeconds: 60,
} as const;
