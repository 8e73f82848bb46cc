// Addresses, digests and an arena on no real chain, for tests of the competition's rules.
import { sha256, sha256Hex } from '../core/hash.ts';
import { encodeSs58 } from '../core/ss58.ts';
import { testArena } from './test-arena.ts';

/** The address of someone by name. */
export const address = (name: string): string => encodeSs58(sha256(name));
/** The digest of an image by name. */
export const digest = (name: string): string => `sha256:${sha256Hex(name)}`;
export const rulesArena = testArena(address('treasury'));
/** A payment as a payload names it. */
export const payment = { tx: `0x${'ab'.repeat(32)}`, block: 7, salt: 's1' };
