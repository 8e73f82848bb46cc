// Signing key pairs from keyfiles and environment secrets, decrypted and checked.
import { argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { naclDecrypt } from '@polkadot/util-crypto';
import { getPublicKey } from '@scure/sr25519';
import { utf8 } from '../../core/bytes.ts';
import { sha256Hex } from '../../core/hash.ts';
import { encodeSs58 } from '../../core/ss58.ts';
import {
  ed25519Form,
  encryptionOf,
  parseKeyfile,
  WalletError,
  type Keyfile,
  type Secret,
} from '../keyfile.ts';

/**
 * Name of the environment variable that holds the validator's hotkey: a mnemonic, a 0x seed, a
 * secret URI, or a keyfile's JSON. Never a flag.
 */
export const HOTKEY_VARIABLE = 'CACHEON_HOTKEY';

/**
 * A seed or a mnemonic, with derivation junctions; junctions alone derive from the public
 * development phrase.
 */
const SECRET_URI = /^(?:0x[0-9a-fA-F]{64}|[a-z]+(?: [a-z]+){11,23})?(?:\/\/?[^/]+)*$/;

const keyring = (): Keyring => new Keyring({ type: 'sr25519', ss58Format: 42 });

/**
 * What btcli writes in front of nonce and box, and how it stretches a password (RULES "Keys").
 */
const NACL_MAGIC = 5;
const NACL_NONCE = 24;
const NACL_TAG = 16;
const ARGON2I = {
  nonce: Buffer.from('137183dff15a09bc9c90b5518739e9b1', 'hex'),
  passes: 8,
  memory: 524_288,
  parallelism: 1,
  tagLength: 32,
} as const;

/**
 * Decrypts a `$NACL` keyfile. Takes about five seconds and 512 MB: that is its purpose. A wrong
 * password and a damaged file look alike.
 */
export async function unlock(
  bytes: Uint8Array,
  password: string,
  file: string,
): Promise<Uint8Array> {
  const wrong = new WalletError(
    'WRONG_PASSWORD',
    `${file} does not open: the password is wrong, or the file is damaged`,
    'try the password again; if it is right, restore the keyfile from your backup',
  );
  const box = bytes.subarray(NACL_MAGIC + NACL_NONCE);
  if (box.length < NACL_TAG) throw wrong;
  const key = await promisify(argon2)('argon2i', { message: utf8(password), ...ARGON2I });
  const opened = naclDecrypt(
    box,
    bytes.subarray(NACL_MAGIC, NACL_MAGIC + NACL_NONCE),
    new Uint8Array(key),
  );
  if (!opened) throw wrong;
  return opened;
}

/** Refuses encryptions of old wallets, which btcli itself converts. */
export function assertReadable(bytes: Uint8Array, file: string): void {
  const encryption = encryptionOf(bytes);
  if (encryption === 'ansible' || encryption === 'fernet')
    throw new WalletError(
      'OLD_ENCRYPTION',
      `${file} has an old encryption (${encryption})`,
      'open it once with btcli, which writes it anew, or make the wallet again from its mnemonic',
    );
}

function pairFrom(secret: Secret, file: string): KeyringPair {
  try {
    switch (secret.kind) {
      case 'mnemonic':
        return keyring().addFromMnemonic(secret.phrase);
      case 'seed':
        return keyring().addFromSeed(secret.seed);
      case 'private-key': {
        const secretKey = ed25519Form(secret.canonical);
        return keyring().addFromPair({ publicKey: getPublicKey(secretKey), secretKey });
      }
    }
  } catch {
    throw new WalletError(
      'BAD_KEYFILE',
      `${file}: its ${secret.kind.replace('-', ' ')} is not valid`,
      'restore the keyfile from your backup',
    );
  }
}

/**
 * The key pair of a keyfile. Its address must be the one that the file states: else money would go
 * to, or come from, a foreign account.
 */
export function pairOfKeyfile({ secret, address, publicKey }: Keyfile, file: string): KeyringPair {
  if (!secret)
    throw new WalletError(
      'NO_SECRET',
      `${file} holds an address only`,
      'name the keyfile with the secret: coldkeypub.txt has none',
    );
  const pair = pairFrom(secret, file);
  const stated = address ?? (publicKey ? encodeSs58(publicKey) : null);
  if (stated !== null && pair.address !== stated)
    throw new WalletError(
      'ADDRESS_MISMATCH',
      `${file}: its secret gives ${pair.address}, the file says ${stated}`,
      'the file is damaged or of another key type: restore it from your backup',
    );
  return pair;
}

/**
 * The sr25519 key pair of a secret from the environment. The secret itself never appears in an
 * error.
 */
export function keyPair(secret: string | undefined, name: string): KeyringPair {
  const text = secret?.trim() ?? '';
  if (text === '')
    throw new WalletError(
      'NO_KEY',
      `${name} is not set`,
      `put the hotkey's mnemonic, seed or keyfile into the environment variable ${name}`,
    );
  if (text.startsWith('{')) return pairOfKeyfile(parseKeyfile(utf8(text), name), name);
  try {
    // The library takes any short text for a key of its own: with a mistyped mnemonic the wallet
    // would sign as another account.
    if (SECRET_URI.test(text)) return keyring().createFromUri(text);
    throw new Error('neither');
  } catch {
    throw new WalletError(
      'BAD_KEY',
      `${name} is neither a mnemonic nor a seed nor a keyfile`,
      'twelve or more words, 0x and 64 hex digits, or the JSON that btcli writes: its content, not its path',
    );
  }
}

/**
 * A salt that only the key's holder can compute, and always the same for the same text: the output
 * of a verifiable random function. It hides the digest inside a payment's remark, and a miner who
 * lost every note of a submission can still name the digest.
 */
export function saltOf(pair: KeyringPair, text: string): string {
  return sha256Hex(pair.vrfSign(utf8(`cacheon/salt/v1:${text}`)).subarray(0, VRF_OUTPUT)).slice(
    0,
    32,
  );
}
const VRF_OUTPUT = 32;
