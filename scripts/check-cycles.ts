// Whether any two modules import each other, directly or around a corner. The import graph comes
// from esbuild; types do not count.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const entryPoints = [
  join(root, 'src/cli/main.ts'),
  ...readdirSync(join(root, 'actions')).map((verb) => join(root, 'actions', verb, 'main.ts')),
];
const { metafile } = await build({
  entryPoints,
  absWorkingDir: root,
  bundle: true,
  write: false,
  metafile: true,
  outdir: 'out',
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'error',
});

const done = new Set<string>();
const cycles: string[] = [];
const visit = (path: string, trail: readonly string[]): void => {
  if (trail.includes(path)) {
    cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    return;
  }
  if (done.has(path)) return;
  for (const { path: next, external } of metafile.inputs[path]?.imports ?? [])
    if (external !== true) visit(next, [...trail, path]);
  done.add(path);
};
for (const path of Object.keys(metafile.inputs)) visit(path, []);
if (cycles.length > 0) {
  console.error(cycles.join('\n'));
  process.exit(1);
}
