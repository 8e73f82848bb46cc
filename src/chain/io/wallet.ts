// Bittensor wallets on disk: their keyfiles, passwords and addresses.
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { KeyringPair } from '@polkadot/keyring/types';
import { encodeSs58 } from '../../core/ss58.ts';
import { encryptionOf, parseKeyfile, WalletError, type Keyfile } from '../keyfile.ts';
import { assertReadable, pairOfKeyfile, unlock } from './key-pairs.ts';

/** Largest keyfile: they have a few hundred bytes. */
const MAX_KEYFILE_BYTES = 64 * 1024;

/** Asks the user for a password; null where there is no terminal to ask on. */
type AskPassword = (file: string) => Promise<string | null>;
export type WalletOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ask: AskPassword;
  /** Told before the five seconds that opening takes. */
  readonly progress: (text: string) => void;
};

/** A btcli wallet: `<path>/<name>/coldkey`, `coldkeypub.txt` and `hotkeys/<hotkey>`. */
export type Wallet = { readonly folder: string; readonly hotkeyName: string };

/** Where btcli keeps wallets, unless told otherwise. */
export function openWallet(path: string | undefined, name: string, hotkeyName = 'default'): Wallet {
  const home = (text: string): string =>
    text === '~' || text.startsWith('~/') ? join(homedir(), text.slice(1)) : text;
  if (/[/\\]|^\.\.?$/.test(name) || /[/\\]|^\.\.?$/.test(hotkeyName))
    throw new WalletError(
      'NO_WALLET',
      'a wallet or hotkey name is not a path',
      'name the folder with --wallet-path, the wallet with --wallet-name',
    );
  return { folder: join(resolve(home(path ?? '~/.bittensor/wallets')), name), hotkeyName };
}

export const coldkeyFile = ({ folder }: Wallet): string => join(folder, 'coldkey');
export const coldkeyPublicFile = ({ folder }: Wallet): string => join(folder, 'coldkeypub.txt');
export const hotkeyFile = ({ folder, hotkeyName }: Wallet): string =>
  join(folder, 'hotkeys', hotkeyName);

function readBytes(file: string): Uint8Array {
  try {
    if (statSync(file).size > MAX_KEYFILE_BYTES) throw new Error('too large');
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new WalletError(
      missing ? 'NO_WALLET' : 'BAD_KEYFILE',
      missing ? `there is no keyfile ${file}` : `${file} cannot be read`,
      missing
        ? 'btcli wallet list shows what there is; see --wallet-path, --wallet-name, --wallet-hotkey'
        : 'it must be a small file that you may read',
    );
  }
}

/**
 * Name of btcli's own password variable for a keyfile, whose value is xor-ed with that name and in
 * base64.
 */
export function passwordVariable(file: string): string {
  return `BT_PW_${file.toUpperCase().replace(/[/.]/g, '_')}`;
}

/**
 * A password from the environment: ours, the newer SDK's (text or file), or btcli's per keyfile.
 */
function passwordFromEnvironment(
  file: string,
  environment: WalletOptions['environment'],
): string | null {
  const own = environment['CACHEON_WALLET_PASSWORD'] ?? environment['BT_WALLET_PASSWORD'];
  if (own !== undefined && own !== '') return own;
  const path = environment['BT_WALLET_PASSWORD_FILE'];
  if (path !== undefined && path !== '')
    return Buffer.from(readBytes(path)).toString('utf8').trim();
  const name = passwordVariable(file);
  const hidden = environment[name];
  if (hidden === undefined) return null;
  const mask = Buffer.from(name);
  return Buffer.from(
    Buffer.from(hidden, 'base64').map((byte, i) => byte ^ mask[i % mask.length]!),
  ).toString('utf8');
}

/**
 * A keyfile's password: from the environment, else from the user, trimmed as btcli trims it. Null
 * where neither gives one.
 */
export async function passwordOf(file: string, options: WalletOptions): Promise<string | null> {
  return (
    passwordFromEnvironment(file, options.environment) ?? (await options.ask(file))?.trim() ?? null
  );
}

/**
 * Reads a keyfile and, where it is encrypted, opens it with a password from the environment or from
 * a person.
 */
export async function readKeyfile(file: string, options: WalletOptions): Promise<Keyfile> {
  const bytes = readBytes(file);
  assertReadable(bytes, file);
  if (encryptionOf(bytes) === null) return parseKeyfile(bytes, file);
  const password = await passwordOf(file, options);
  if (password === null)
    throw new WalletError(
      'NEEDS_PASSWORD',
      `${file} is encrypted, and there is no terminal to ask for its password`,
      'run it in a terminal, or set CACHEON_WALLET_PASSWORD',
    );
  options.progress(`opening ${file} (about five seconds)`);
  return parseKeyfile(await unlock(bytes, password, file), file);
}

/** The key pair of one of a wallet's keyfiles. */
export async function unlockPair(file: string, options: WalletOptions): Promise<KeyringPair> {
  return pairOfKeyfile(await readKeyfile(file, options), file);
}

/**
 * The coldkey's pair, which must belong to the address in the public file: else money would leave
 * another account than the checked one.
 */
export async function unlockColdkey(wallet: Wallet, options: WalletOptions): Promise<KeyringPair> {
  const pair = await unlockPair(coldkeyFile(wallet), options);
  const stated = coldkeyAddress(wallet);
  if (pair.address !== stated)
    throw new WalletError(
      'ADDRESS_MISMATCH',
      `${coldkeyFile(wallet)} is the key of ${pair.address}, ${coldkeyPublicFile(wallet)} says ${stated}`,
      'one of the two files is of another wallet: btcli wallet regen-coldkeypub writes the public one anew',
    );
  return pair;
}

/** Whether the environment has a password for a keyfile. */
export function hasPassword(file: string, environment: WalletOptions['environment']): boolean {
  return passwordFromEnvironment(file, environment) !== null;
}

/** The coldkey's address, from the public file: no password needed. */
export function coldkeyAddress(wallet: Wallet): string {
  const file = coldkeyPublicFile(wallet);
  const { address, publicKey } = parseKeyfile(readBytes(file), file);
  if (address === null && publicKey === null)
    throw new WalletError(
      'BAD_KEYFILE',
      `${file} names no address`,
      'btcli wallet regen-coldkeypub writes it anew',
    );
  return address ?? encodeSs58(publicKey!);
}

/** Whether a keyfile is there, and whether a password opens it. */
export function keyfileState(file: string): 'missing' | 'encrypted' | 'plain' {
  try {
    return encryptionOf(readBytes(file)) === null ? 'plain' : 'encrypted';
  } catch (error) {
    if (error instanceof WalletError && error.code === 'NO_WALLET') return 'missing';
    throw error;
  }
}
