// Writes public development keys as Bittensor wallets, for local chains only.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../../core/bytes.ts';
import { devPair } from './miners.ts';
import type { DevPair, Genesis } from '../chain/genesis.ts';

/** Where a pair's PKCS#8 form keeps its 64-byte secret. */
const SECRET_AT = 16;

/**
 * A dev key as btcli would store it: public on purpose, for local chains only. Its private key is
 * the canonical scalar, an eighth of the library's.
 */
export function devKeyfile(uri: string): Record<string, string> {
  const pair = devPair(uri);
  const secret = Buffer.from(pair.encodePkcs8().subarray(SECRET_AT, SECRET_AT + 64));
  const scalar = BigInt(`0x${Buffer.from(secret.subarray(0, 32)).reverse().toString('hex')}`) / 8n;
  const canonical = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
  return {
    accountId: `0x${toHex(pair.publicKey)}`,
    publicKey: `0x${toHex(pair.publicKey)}`,
    privateKey: `0x${canonical.toString('hex')}${secret.subarray(32).toString('hex')}`,
    ss58Address: pair.address,
  };
}

/** Writes one dev account as a btcli wallet. */
export function writeWallet(
  folder: string,
  name: string,
  { coldkey, hotkey }: Pick<DevPair, 'coldkey' | 'hotkey'>,
): void {
  const base = join(folder, name);
  mkdirSync(join(base, 'hotkeys'), { recursive: true });
  const write = (file: string, value: unknown): void =>
    writeFileSync(join(base, file), JSON.stringify(value), { mode: 0o600 });
  const { privateKey, ...pub } = devKeyfile(coldkey.uri);
  write('coldkey', devKeyfile(coldkey.uri));
  write('coldkeypub.txt', pub);
  write('hotkeys/default', devKeyfile(hotkey.uri));
}

/** Wallets of all dev accounts: owner, validator, miner0 and on. */
export function writeWallets(folder: string, { owner, validator, miners }: Genesis): void {
  writeWallet(folder, 'owner', owner);
  writeWallet(folder, 'validator', validator);
  for (const [index, miner] of miners.entries()) writeWallet(folder, `miner${index}`, miner);
}
