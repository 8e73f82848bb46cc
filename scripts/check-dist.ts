// Whether actions/*/dist is what the sources build: the SHA that a validator pins must name the
// code that runs. Builds into a temporary folder and compares every byte; it works on a dirty tree
// too.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'dist-'));
execFileSync(
  process.execPath,
  [join(root, 'scripts/build.ts'), '--out', folder, '--meta', join(folder, 'meta')],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);

const stale: string[] = [];
for (const verb of readdirSync(join(root, 'actions')).sort()) {
  const committed = join(root, 'actions', verb, 'dist');
  const built = join(folder, verb, 'dist');
  const names = readdirSync(built).sort();
  const same =
    existsSync(committed) &&
    readdirSync(committed).sort().join() === names.join() &&
    names.every((name) =>
      readFileSync(join(committed, name)).equals(readFileSync(join(built, name))),
    );
  if (!same) stale.push(verb);
}

type Meta = { outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }> };
/** Which sources a bundle holds code of. */
const sourcesOf = (name: string): string[] => {
  const meta = JSON.parse(readFileSync(join(folder, 'meta', `${name}.json`), 'utf8')) as Meta;
  return Object.values(meta.outputs).flatMap((output) =>
    Object.entries(output.inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
};
const wrong: string[] = [];
const forbid = (name: string, what: RegExp, why: string): void => {
  const found = sourcesOf(name).filter((path) => what.test(path));
  if (found.length > 0) wrong.push(`the bundle ${name} ${why}: ${found.slice(0, 5).join(', ')}`);
};
for (const name of readdirSync(join(folder, 'meta')).map((file) => file.replace(/\.json$/, ''))) {
  forbid(name, /src\/(?:devnet|testing)\//, 'holds what only a devnet or a test may run');
  // The job that runs miners' containers must hold no code that signs, reads wallets or talks to
  // the chain.
  if (name.startsWith('evaluate'))
    forbid(
      name,
      /src\/chain\/|src\/ledger\/(?:sign|append|io\/signing-key)\.ts|node_modules\/@polkadot\//,
      'holds signing, wallet or chain code',
    );
}

rmSync(folder, { recursive: true });
for (const line of wrong) console.error(line);
if (stale.length > 0)
  console.error(`stale bundles: ${stale.join(', ')}; run npm run build and commit actions/*/dist`);
if (wrong.length + stale.length > 0) process.exit(1);
