// Options that several commands share, with their help texts.
import type { OptionSpec } from './command.ts';

export const ENDPOINT: OptionSpec = [
  'URL',
  "WebSocket endpoint of the chain, several with commas between (default: the arena's network)",
];
export const ARENA_FILE: OptionSpec = ['FILE', 'arena file (default: the one of the repository)'];
export const CORPUS: OptionSpec = [
  'DIR',
  'folder of the corpus that the arena pins; none where it is generated',
];
/** Where a stage finds the ledger. */
export const LEDGER = {
  repo: ['DIR', 'git repository with the branch `ledger` (default: this folder)'],
  branch: ['NAME', 'branch of origin to fetch and push; without it the own branch `ledger`'],
} as const satisfies Record<string, OptionSpec>;
/** How a wallet is named, as btcli does. */
export const WALLET = {
  'wallet-path': ['DIR', 'folder of wallets (default: ~/.bittensor/wallets)'],
  'wallet-name': ['NAME', 'name of the wallet, its coldkey'],
  'wallet-hotkey': ['NAME', 'name of the hotkey in it (default: default)'],
} as const satisfies Record<string, OptionSpec>;
/** Where passwords of keyfiles are taken from before anybody is asked. */
export const PASSWORDS: Readonly<Record<string, string>> = {
  CACHEON_WALLET_PASSWORD: 'password of encrypted keyfiles',
  BT_WALLET_PASSWORD: 'the same, as the Bittensor SDK names it',
  BT_WALLET_PASSWORD_FILE: 'a file that holds it',
  'BT_PW_…': "btcli's own, one for each keyfile",
};
/** What a validator's host sets once for all of its commands (the README's table). */
export const VALIDATOR_VARIABLES: Readonly<Record<string, string>> = {
  endpoint: 'CACHEON_ENDPOINT',
  validator: 'CACHEON_VALIDATOR',
  arena: 'CACHEON_ARENA',
  corpus: 'CACHEON_CORPUS',
  tier: 'CACHEON_TIER',
};
/** Of these what the commands of anybody read, too: a host that validates also looks. */
export const READER_VARIABLES: Readonly<Record<string, string>> = {
  endpoint: 'CACHEON_ENDPOINT',
  arena: 'CACHEON_ARENA',
  corpus: 'CACHEON_CORPUS',
};
/** Variables of commands that sign, that measure, and of the loop. */
export const SIGNING: Readonly<Record<string, string>> = {
  CACHEON_HOTKEY: "the validator's hotkey: mnemonic, seed, or its keyfile's JSON",
};
export const MEASURING: Readonly<Record<string, string>> = {
  CACHEON_MIRROR: 'host/path of a registry with copies of images',
  CACHEON_QUARANTINE: 'a file; while it is there, nothing is measured',
};
export const RUNNING: Readonly<Record<string, string>> = {
  CACHEON_GPU_SSH: 'user@host[:port] of the machine that measures (default: this one)',
  CACHEON_GPU_CHECKOUT: 'its checkout (default: cacheon)',
  CACHEON_WEBHOOK: 'address that gets one JSON object at each round’s end',
};
export const DRY_RUN: OptionSpec = [null, 'says what would be done, and changes nothing'];
export const SEED: OptionSpec = ['0x…', 'seed of 32 bytes that draws the prompts'];
export const BLOCK_HASH: OptionSpec = ['0x…', 'another name of --seed'];
export const SERVER = 'http://… of a running server, or image@sha256:…';
