// Writes manifest.json for a folder of texts, so that an arena can pin it by sha256.
//   node scripts/corpus-manifest.ts DIR [--name NAME] [--licence TEXT] [--source TEXT]
import { stderrLog } from '../src/compose/stderr-log.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { renderJson } from '../src/core/canonical.ts';
import { sha256Hex } from '../src/core/hash.ts';
import { makeManifest } from '../src/prompts/io/corpus-folder.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'corpus' },
    licence: { type: 'string', default: 'public domain' },
    source: { type: 'string', default: 'unknown' },
  },
});
const folder = positionals[0];
if (folder === undefined)
  throw new Error(
    'usage: node scripts/corpus-manifest.ts DIR [--name NAME] [--licence TEXT] [--source TEXT]',
  );
const manifest = makeManifest(folder, values, stderrLog('usual'));
const text = renderJson(manifest);
writeFileSync(join(folder, 'manifest.json'), text);
console.log(`${manifest.documents.length} documents, manifest sha256 ${sha256Hex(text)}`);
