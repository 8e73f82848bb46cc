// Runs the tests of the chain client against the embedded chain or a real Subtensor node.
// The contract suite of src/chain: npm run test:chain [-- --endpoint ws://… --accounts FILE]
// Without an endpoint: the embedded chain, and the real runtime where SUBTENSOR_LOCALNET names
// subtensor/run.sh.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const rest = process.argv.slice(2);
/** Takes an option of ours out of the line: the others are vitest's. */
const take = (name: string): string | undefined => {
  const at = rest.indexOf(name);
  return at < 0 ? undefined : rest.splice(at, 2)[1];
};
const endpoint = take('--endpoint');
const accounts = take('--accounts');
if (
  (endpoint === undefined) !== (accounts === undefined) ||
  (accounts !== undefined && !existsSync(accounts))
) {
  console.error(
    'usage: npm run test:chain -- --endpoint ws://… --accounts FILE (the JSON line that subtensor/run.sh prints)',
  );
  process.exit(2);
}
const env =
  endpoint === undefined
    ? process.env
    : { ...process.env, CHAIN_ENDPOINT: endpoint, CHAIN_ACCOUNTS: accounts! };
const suite = [
  'run',
  '--dir',
  'src',
  'chain.test',
  '--testTimeout',
  '120000',
  '--hookTimeout',
  '400000',
];
process.exit(spawnSync('vitest', [...suite, ...rest], { stdio: 'inherit', env }).status ?? 1);
