// Tests of keyfiles and wallets: formats, encryption, faults and secrecy of errors.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { sr25519Verify } from '@polkadot/util-crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, utf8 } from '../core/bytes.ts';
import { keyPair, pairOfKeyfile, saltOf } from './io/key-pairs.ts';
import {
  coldkeyAddress,
  hotkeyFile,
  openWallet,
  readKeyfile,
  type WalletOptions,
} from './io/wallet.ts';
import { encryptionOf, parseKeyfile } from './keyfile.ts';

/** The public dev key //Alice in every form that a keyfile has. */
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const PUBLIC = '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
const SEED = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a';
const CANONICAL =
  '0x33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011';
const WORDS = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const WORDS_ADDRESS = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV';
const file = 'wallets/w/hotkeys/h';
const read = (value: unknown) =>
  parseKeyfile(utf8(typeof value === 'string' ? value : JSON.stringify(value)), file);
const pair = (value: unknown) => pairOfKeyfile(read(value), file);

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'wallet-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a keyfile', () => {
  it('gives its key from a mnemonic, a seed or a private key, in that order', () => {
    expect(
      pair({ secretPhrase: WORDS, secretSeed: SEED, ss58Address: WORDS_ADDRESS }).address,
    ).toBe(WORDS_ADDRESS);
    expect(pair({ secretSeed: SEED, ss58Address: ALICE }).address).toBe(ALICE);
    expect(pair({ privateKey: CANONICAL, publicKey: PUBLIC }).address).toBe(ALICE);
    expect(pair({ privateKey: CANONICAL, ' ss58Address': ALICE }).address).toBe(ALICE);
    expect(pair(WORDS).address).toBe(WORDS_ADDRESS);
    expect(pair(SEED.slice(2)).address).toBe(ALICE);
  });

  it('signs with the private key in its ed25519 form: the canonical scalar times eight', () => {
    const signature = pair({ privateKey: CANONICAL }).sign(utf8('news'));
    expect(sr25519Verify(utf8('news'), signature, fromHex(PUBLIC)!)).toBe(true);
  });

  it('reads a seed that the Rust wallet wrote as text', () => {
    const seed = 'A'.repeat(32);
    expect(pair({ secretSeed: `0x${seed}` }).address).toBe(
      pair({ secretSeed: `0x${'41'.repeat(32)}` }).address,
    );
  });

  it('tells its faults apart, and never says anything secret', () => {
    const faults: [unknown, string][] = [
      ['', 'BAD_KEYFILE'],
      ['{"secretSeed":', 'BAD_KEYFILE'],
      [{ secretSeed: '0x12' }, 'BAD_KEYFILE'],
      [{}, 'BAD_KEYFILE'],
      ['hello', 'BAD_KEYFILE'],
      [{ ss58Address: 'nobody', secretSeed: SEED }, 'BAD_KEYFILE'],
      [{ secretPhrase: `${WORDS} walk`, ss58Address: ALICE }, 'BAD_KEYFILE'],
      [{ secretSeed: SEED, cryptoType: 0 }, 'WRONG_KEY_TYPE'],
      [{ secretSeed: SEED, cryptoType: 'mldsa' }, 'WRONG_KEY_TYPE'],
      [{ secretSeed: SEED, ss58Address: WORDS_ADDRESS }, 'ADDRESS_MISMATCH'],
      [{ publicKey: PUBLIC, ss58Address: WORDS_ADDRESS, secretSeed: SEED }, 'ADDRESS_MISMATCH'],
      [{ ss58Address: ALICE }, 'NO_SECRET'],
    ];
    for (const [value, code] of faults) {
      const name = JSON.stringify(value);
      try {
        pair(value);
        expect.unreachable(name);
      } catch (error) {
        expect(error, name).toMatchObject({ name: 'WalletError', code });
        expect((error as Error).cause).toBeUndefined();
        for (const secret of [SEED.slice(2, 20), 'bottom', CANONICAL.slice(2, 20)])
          expect(String(error)).not.toContain(secret);
      }
    }
  });

  it('of any content is read or refused by name', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.json().map(utf8)), (bytes) => {
        try {
          parseKeyfile(bytes, file);
        } catch (error) {
          expect(error).toMatchObject({ name: 'WalletError' });
        }
      }),
    );
  });

  it('from the environment: mnemonic, seed, keyfile, and what is missing', () => {
    expect(keyPair(WORDS, 'KEY').address).toBe(WORDS_ADDRESS);
    expect(keyPair(SEED, 'KEY').address).toBe(ALICE);
    expect(keyPair(JSON.stringify({ secretSeed: SEED, ss58Address: ALICE }), 'KEY').address).toBe(
      ALICE,
    );
    expect(() => keyPair(undefined, 'KEY')).toThrow(expect.objectContaining({ code: 'NO_KEY' }));
    expect(keyPair('//Alice', 'KEY').address).toBe(ALICE);
    for (const typo of ['no words', WORDS.slice(7), `${WORDS}!`, SEED.slice(0, 60)])
      expect(() => keyPair(typo, 'KEY'), typo).toThrow(
        expect.objectContaining({ code: 'BAD_KEY' }),
      );
    expect(() => keyPair('x', 'KEY')).toThrow(expect.objectContaining({ code: 'BAD_KEY' }));
    expect(() =>
      keyPair(JSON.stringify({ secretSeed: SEED, ss58Address: WORDS_ADDRESS }), 'KEY'),
    ).toThrow(expect.objectContaining({ code: 'ADDRESS_MISMATCH' }));
  });

  it('gives the same salt for the same text, and nobody else can', () => {
    const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
    const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
    expect(saltOf(alice, 'x')).toBe(saltOf(alice, 'x'));
    expect(saltOf(alice, 'x')).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([saltOf(alice, 'x'), saltOf(alice, 'y'), saltOf(bob, 'x')]).size).toBe(3);
  });
});

describe('a wallet on disk', () => {
  const options = (
    environment: WalletOptions['environment'],
    ask: () => string | null = () => null,
  ): WalletOptions => ({
    environment,
    ask: () => Promise.resolve(ask()),
    progress: () => undefined,
  });
  it('names what is missing, and old encryptions', async () => {
    const wallet = openWallet(folder, 'v', 'h');
    await expect(readKeyfile(hotkeyFile(wallet), options({}))).rejects.toMatchObject({
      code: 'NO_WALLET',
    });
    expect(() => openWallet(folder, '../v')).toThrow(
      expect.objectContaining({ code: 'NO_WALLET' }),
    );
    mkdirSync(join(folder, 'v/hotkeys'), { recursive: true });
    for (const start of ['$ANSIBLE_VAULT;1.1;AES256\n00', 'gAAAAABabc']) {
      writeFileSync(hotkeyFile(wallet), start);
      expect(encryptionOf(utf8(start))).not.toBeNull();
      await expect(readKeyfile(hotkeyFile(wallet), options({}))).rejects.toMatchObject({
        code: 'OLD_ENCRYPTION',
      });
    }
    writeFileSync(
      join(folder, 'v/coldkeypub.txt'),
      JSON.stringify({ accountId: PUBLIC, publicKey: PUBLIC, ss58Address: ALICE }),
    );
    expect(coldkeyAddress(wallet)).toBe(ALICE);
  });
});
