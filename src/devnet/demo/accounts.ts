// Dev accounts of a local chain, as its process prints them.
import { readFileSync } from 'node:fs';

/** Dev accounts of a local chain, as `subtensor/run.sh` and `cacheon devnet chain` print them. */
export type Accounts = {
  endpoint: string;
  netuid: number;
  treasury: { address: string };
  validator: Pair;
  miners: Pair[];
};
type Pair = {
  uid: number | null;
  coldkey: { uri: string; address: string };
  hotkey: { uri: string; address: string };
};

/** Reads the JSON line that `subtensor/run.sh` prints. */
export function readAccounts(path: string): Accounts {
  const line = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .findLast((item) => item.startsWith('{'));
  return JSON.parse(line ?? '{}') as Accounts;
}
