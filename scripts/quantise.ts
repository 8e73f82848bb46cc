// Makes a copy of a model whose linear layers were rounded to integers, one scale a row, and written
// back as bfloat16: a cheat for tests of the gate. node scripts/quantise.ts MODEL_FOLDER OUT_FOLDER [BITS]
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [from, to, bits = '4'] = process.argv.slice(2);
if (from === undefined || to === undefined)
  throw new Error('usage: node scripts/quantise.ts MODEL_FOLDER OUT_FOLDER [BITS]');
const LEVELS = 2 ** (Number(bits) - 1) - 1;
const LINEAR = /\.(?:q|k|v|o|gate|up|down)_proj\.weight$/;

cpSync(from, to, { recursive: true });
const file = readFileSync(join(from, 'model.safetensors'));
const headerBytes = Number(file.readBigUInt64LE(0));
type Tensor = { dtype: string; shape: [number, number]; data_offsets: [number, number] };
const tensors = JSON.parse(file.subarray(8, 8 + headerBytes).toString('utf8')) as Record<
  string,
  Tensor
>;

const toFloat = (bits: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
};
/** Nearest bfloat16, ties to even. */
const toBits = (value: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
};

let layers = 0;
for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(tensors)) {
  if (!LINEAR.test(name)) continue;
  if (dtype !== 'BF16') throw new Error(`${name} is ${dtype}, bfloat16 is expected`);
  layers++;
  const [rows, columns] = shape;
  for (let row = 0; row < rows; row++) {
    const at = (column: number): number =>
      8 + headerBytes + offsets[0] + (row * columns + column) * 2;
    let largest = 0;
    for (let column = 0; column < columns; column++)
      largest = Math.max(largest, Math.abs(toFloat(file.readUInt16LE(at(column)))));
    const scale = largest / LEVELS || 1;
    for (let column = 0; column < columns; column++)
      file.writeUInt16LE(
        toBits(Math.round(toFloat(file.readUInt16LE(at(column))) / scale) * scale),
        at(column),
      );
  }
}
writeFileSync(join(to, 'model.safetensors'), file);
console.log(`${layers} layers rounded to int${bits} in ${to}`);
