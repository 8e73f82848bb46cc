// Command that shows addresses and key types of a Bittensor wallet, never a secret.
import { pairOfKeyfile } from '../chain/io/key-pairs.ts';
import {
  coldkeyAddress,
  coldkeyFile,
  coldkeyPublicFile,
  hasPassword,
  hotkeyFile,
  keyfileState,
  readKeyfile,
  unlockPair,
  type Wallet,
  type WalletOptions,
} from '../chain/io/wallet.ts';
import { toHex, utf8 } from '../core/bytes.ts';
import { decodeSs58 } from '../core/ss58.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';
import { walletOf, walletOptions } from './wallet-options.ts';
import { give } from './output.ts';

type Shown = {
  key: 'coldkeypub' | 'coldkey' | 'hotkey';
  file: string;
  state: string;
  address: string;
  publicKey: string;
  type: 'sr25519';
  secret: string;
};

/** Prefix of the text that a test signature covers: never bytes that another party chose. */
const DOMAIN = 'cacheon wallet test: ';

const shownKey = (of: Omit<Shown, 'publicKey' | 'type'>): Shown => ({
  key: of.key,
  file: of.file,
  state: of.state,
  address: of.address,
  publicKey: `0x${toHex(decodeSs58(of.address)!)}`,
  type: 'sr25519',
  secret: of.secret,
});

/** The coldkey's public file, where it is there. */
function publicColdkey(wallet: Wallet): Shown[] {
  const file = coldkeyPublicFile(wallet);
  if (keyfileState(file) === 'missing') return [];
  const address = coldkeyAddress(wallet);
  return [shownKey({ key: 'coldkeypub', file, state: 'plain', address, secret: 'none' })];
}

/** Whether a key can be opened: it is plain, or its password is at hand. */
function isOpen(file: string): boolean {
  const state = keyfileState(file);
  if (state === 'plain') return true;
  return state === 'encrypted' && (hasPassword(file, process.env) || process.stdin.isTTY);
}

/** The coldkey itself: opened only where a password is at hand, its address stands in the public file. */
async function openColdkey(wallet: Wallet, options: WalletOptions): Promise<Shown[]> {
  const file = coldkeyFile(wallet);
  if (!isOpen(file)) return [];
  const keyfile = await readKeyfile(file, options);
  const { address } = pairOfKeyfile(keyfile, file);
  const { kind: secret } = keyfile.secret!;
  return [shownKey({ key: 'coldkey', file, state: keyfileState(file), address, secret })];
}

/** The hotkey, and its signature under a text where one is wanted. */
async function openHotkey(
  wallet: Wallet,
  options: WalletOptions,
  signWith: string | undefined,
): Promise<{ shown: Shown; signature: string | null }> {
  const file = hotkeyFile(wallet);
  const keyfile = await readKeyfile(file, options);
  const pair = keyfile.secret ? pairOfKeyfile(keyfile, file) : await unlockPair(file, options);
  const { kind: secret } = keyfile.secret!;
  const state = keyfileState(file);
  const shown = shownKey({ key: 'hotkey', file, state, address: pair.address, secret });
  if (signWith === undefined) return { shown, signature: null };
  return { shown, signature: `0x${toHex(pair.sign(utf8(`${DOMAIN}${signWith}`)))}` };
}

function shownLine({ key, address, type, state, secret }: Shown): string {
  const from = secret === 'none' ? '' : `, from its ${secret}`;
  return `${key.padEnd(10)}  ${address}  ${type}  ${state}${from}`;
}

/**
 * `cacheon wallet show`: addresses, public keys and key types of a btcli wallet; never a secret.
 */
export const walletShowCommand: RunCommand = async (invocation) => {
  const { log, print } = invocation;
  const wallet = walletOf(invocation);
  const options = walletOptions(invocation);
  const signWith = optional(invocation, 'sign');
  const stated = publicColdkey(wallet);
  for (const shown of stated) print(shownLine(shown));
  const opened = await openColdkey(wallet, options);
  const keys = [...stated, ...opened];
  const addresses = new Set(keys.map(({ address }) => address));
  if (addresses.size > 1)
    log.warn(
      `coldkey and coldkeypub.txt are of two wallets: ${opened[0]!.address} and ${stated[0]!.address}`,
    );
  const wantsHotkey =
    keyfileState(hotkeyFile(wallet)) !== 'missing' ||
    optional(invocation, 'wallet-hotkey') !== undefined ||
    keys.length === 0;
  const hotkey = wantsHotkey ? await openHotkey(wallet, options, signWith) : null;
  if (hotkey) keys.push(hotkey.shown);
  const signature = hotkey?.signature ?? null;
  const locked = opened.length === 0 && keyfileState(coldkeyFile(wallet)) === 'encrypted';
  // The public file was shown before a password was asked for.
  give(invocation, { keys, signature }, [
    ...keys.slice(stated.length).map(shownLine),
    ...(locked ? ['coldkey     encrypted: set CACHEON_WALLET_PASSWORD to open it'] : []),
    ...(signature === null ? [] : [`signature of "${DOMAIN}${signWith ?? ''}": ${signature}`]),
  ]);
  return 0;
};
