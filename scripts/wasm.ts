// Compiles src/devnet/engine/matmul.wat to matmul.wasm.json (base64), or checks that it is fresh:
// node scripts/wasm.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const folder = new URL('../src/devnet/engine/', import.meta.url);
const { parseWat } = await wabt();
const module = parseWat('matmul.wat', readFileSync(new URL('matmul.wat', folder), 'utf8'), {
  simd: true,
});
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
const out = `${JSON.stringify({ base64 })}\n`;
const file = new URL('matmul.wasm.json', folder);
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== out)
    throw new Error('matmul.wasm.json is stale: run node scripts/wasm.ts');
} else writeFileSync(file, out);
