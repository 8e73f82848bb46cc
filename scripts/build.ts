// Bundles every action: node scripts/build.ts [--out DIR]. With --out the bundles go elsewhere
// (tests), else to actions/*/dist.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const { values } = parseArgs({ options: { out: { type: 'string' }, meta: { type: 'string' } } });
const verbs = readdirSync(join(root, 'actions')).sort();

/**
 * Programs that evaluate runs as processes or in containers of their own: they stand beside its
 * bundle.
 */
const PROGRAMS: Readonly<Record<string, string>> = {
  'measuring-sidecar': 'src/measure/io/measuring-sidecar-main.ts',
  'ground-truth': 'src/measure/io/ground-truth-main.ts',
  'escape-probes': 'src/sandbox/io/escape-probes-main.ts',
};
const bundles = verbs.flatMap((verb) => [
  { verb, name: 'index', entry: join('actions', verb, 'main.ts') },
  ...(verb === 'evaluate'
    ? Object.entries(PROGRAMS).map(([name, entry]) => ({ verb, name, entry }))
    : []),
]);

for (const { verb, name, entry } of bundles) {
  const outfile = join(values.out ?? join(root, 'actions'), verb, `dist/${name}.cjs`);
  mkdirSync(dirname(outfile), { recursive: true });
  const result = await build({
    entryPoints: [join(root, entry)],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    external: ['*.node'],
    metafile: true,
    logLevel: 'warning',
    legalComments: 'none',
    // ESM-only toolkits ask for import.meta.url, which CJS lacks.
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url=require('node:url').pathToFileURL(__filename).href;" },
  });
  if (values.meta !== undefined) {
    mkdirSync(values.meta, { recursive: true });
    writeFileSync(
      join(values.meta, name === 'index' ? `${verb}.json` : `${verb}-${name}.json`),
      JSON.stringify(result.metafile),
    );
  }
  const [output] = Object.values(result.metafile.outputs);
  console.log(
    `${verb}${name === 'index' ? '' : ` (${name})`}: ${(output!.bytes / 1e6).toFixed(2)} MB`,
  );
}
