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

// The job that runs strangers' containers must hold no code that signs, reads wallets or talks to
// the chain.
const meta = JSON.parse(readFileSync(join(folder, 'meta/evaluate.json'), 'utf8')) as {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
};
const inputs = Object.values(meta.outputs).flatMap((output) =>
  Object.entries(output.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path),
);
const forbidden = inputs.filter((path) =>
  /src\/chain\/|src\/results\/(?:sign|io\/keys)\.ts|node_modules\/@polkadot\//.test(path),
);

rmSync(folder, { recursive: true });
if (forbidden.length > 0)
  console.error(`the bundle of evaluate contains ${forbidden.slice(0, 5).join(', ')}`);
if (stale.length > 0)
  console.error(`stale bundles: ${stale.join(', ')}; run npm run build and commit actions/*/dist`);
if (forbidden.length + stale.length > 0) process.exit(1);
