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
} from '../chain/io/wallet.ts';
import { toHex, utf8 } from '../core/bytes.ts';
import { decodeSs58 } from '../core/ss58.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';
import { walletOf, walletOptions } from './wallet-options.ts';

type Shown = {
  key: string;
  file: string;
  state: string;
  address: string;
  publicKey: string;
  type: 'sr25519';
  secret: string;
};

/** Prefix of the text that a test signature covers: never bytes that another party chose. */
const DOMAIN = 'cacheon wallet test: ';

/**
 * `cacheon wallet show`: addresses, public keys and key types of a btcli wallet; never a secret.
 */
export const walletShowCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const wallet = walletOf(invocation);
  const options = walletOptions(invocation);
  const shown: Shown[] = [];
  const line = (
    key: string,
    file: string,
    state: string,
    address: string,
    secret: string,
  ): Shown => ({
    key,
    file,
    state,
    address,
    publicKey: `0x${toHex(decodeSs58(address)!)}`,
    type: 'sr25519',
    secret,
  });
  if (keyfileState(coldkeyPublicFile(wallet)) !== 'missing')
    shown.push(
      line('coldkeypub', coldkeyPublicFile(wallet), 'plain', coldkeyAddress(wallet), 'none'),
    );
  const coldkey = coldkeyFile(wallet);
  const coldkeyState = keyfileState(coldkey);
  // The coldkey is opened only where a password is at hand: its address stands in the public file.
  const open =
    coldkeyState === 'plain' ||
    (coldkeyState === 'encrypted' && (hasPassword(coldkey, process.env) || process.stdin.isTTY));
  if (open) {
    const keyfile = await readKeyfile(coldkey, options);
    const pair = pairOfKeyfile(keyfile, coldkey);
    const stated = shown[0]?.address ?? pair.address;
    if (stated !== pair.address)
      log.warn(`coldkey and coldkeypub.txt are of two wallets: ${pair.address} and ${stated}`);
    shown.push(line('coldkey', coldkey, coldkeyState, pair.address, keyfile.secret!.kind));
  }
  const hotkey = hotkeyFile(wallet);
  const signWith = optional(invocation, 'sign');
  let signature: string | null = null;
  if (
    keyfileState(hotkey) !== 'missing' ||
    optional(invocation, 'wallet-hotkey') !== undefined ||
    shown.length === 0
  ) {
    const keyfile = await readKeyfile(hotkey, options);
    const pair = keyfile.secret
      ? pairOfKeyfile(keyfile, hotkey)
      : await unlockPair(hotkey, options);
    shown.push(line('hotkey', hotkey, keyfileState(hotkey), pair.address, keyfile.secret!.kind));
    if (signWith !== undefined) signature = `0x${toHex(pair.sign(utf8(`${DOMAIN}${signWith}`)))}`;
  }
  for (const { key, address, type, state, secret } of shown)
    log.info(
      `${key.padEnd(10)}  ${address}  ${type}  ${state}${secret === 'none' ? '' : `, from its ${secret}`}`,
    );
  if (coldkeyState === 'encrypted' && !open)
    log.info('coldkey     encrypted: set CACHEON_WALLET_PASSWORD to open it');
  if (signature !== null) log.info(`signature of "${DOMAIN}${signWith ?? ''}": ${signature}`);
  if (json) process.stdout.write(`${JSON.stringify({ keys: shown, signature }, null, 2)}\n`);
  return 0;
};
