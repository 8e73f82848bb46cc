// Tests of the embedded chain's metadata against that of the real Subtensor runtime.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { describe, expect, it } from 'vitest';
import { KNOWN_DISPATCH_ERRORS } from '../../chain/dispatch-errors.ts';
import { ADDED } from './runtime-subset.ts';
import { METADATA_VERSIONS, metadataBytes } from './metadata.ts';

const realFile = join(dirname(process.env['SUBTENSOR_LOCALNET'] ?? ''), 'metadata-spec424.scale');
const present = process.env['SUBTENSOR_LOCALNET'] !== undefined && existsSync(realFile);
if (!present)
  console.warn(
    'skipped: comparison with real metadata (set SUBTENSOR_LOCALNET to the path of subtensor/run.sh)',
  );

type Def = Record<
  string,
  {
    fields?: Field[];
    variants?: { name: string; index: number; fields: Field[] }[];
    type?: number;
    len?: number;
  }
> & { tuple?: number[]; primitive?: string };
type Field = { name: string | null; type: number };
type Type = { type: { path: string[]; def: Def } };
type Json = {
  lookup: { types: Type[] };
  pallets: Pallet[];
  apis: { name: string; methods: { name: string; inputs: Field[]; output: number }[] }[];
  extrinsic: { transactionExtensions: { identifier: string; type: number; implicit: number }[] };
};
type Pallet = {
  name: string;
  index: number;
  calls: { type: number } | null;
  events: { type: number } | null;
  errors: { type: number } | null;
  storage: {
    prefix: string;
    items: {
      name: string;
      modifier: string;
      fallback: string;
      type: { plain?: number; map?: { hashers: string[]; key: number; value: number } };
    }[];
  } | null;
  constants: { name: string; type: number; value: string }[];
};
const decode = (bytes: Uint8Array): Json =>
  new Metadata(new TypeRegistry(), bytes).asV16.toJSON() as unknown as Json;

/** A type as text without ids; the outer enums are subsets, so they are only named. */
function expand(json: Json, id: number, seen: readonly number[] = []): string {
  const { path, def } = json.lookup.types[id]!.type;
  const name = path.join('::');
  if (/Runtime(?:Call|Event|Error)$|UncheckedExtrinsic$/.test(name)) return name;
  if (seen.includes(id)) return `^${name}`;
  const inner = (type: number): string => expand(json, type, [...seen, id]);
  const fields = (list: Field[]): string =>
    list.map((field) => `${field.name ?? ''}:${inner(field.type)}`).join(',');
  if (def.primitive !== undefined) return def.primitive;
  if (def.tuple !== undefined) return `(${def.tuple.map(inner).join(',')})`;
  const [kind, body] = Object.entries(def)[0] as [
    string,
    {
      fields?: Field[];
      variants?: { name: string; index: number; fields: Field[] }[];
      type?: number;
      len?: number;
    },
  ];
  if (body.fields) return `${name}{${fields(body.fields)}}`;
  if (body.variants)
    return `${name}<${body.variants.map((variant) => `${variant.index}=${variant.name}(${fields(variant.fields)})`).join('|')}>`;
  return `${kind}${body.len ?? ''}[${inner(body.type!)}]`;
}

type Same = (what: string, a: unknown, b: unknown) => void;

/** Compares the variants of one of a pallet's enums. */
function compareVariants(
  [ours, ourType]: readonly [Json, number],
  [real, realType]: readonly [Json, number],
  what: string,
  same: Same,
): void {
  const variants = (json: Json, id: number) =>
    json.lookup.types[id]!.type.def['variant']!.variants!;
  for (const variant of variants(ours, ourType)) {
    const twin = variants(real, realType).find(({ name }) => name === variant.name)!;
    const show = (json: Json, { index, fields }: typeof variant) => [
      index,
      fields.map((field) => `${field.name ?? ''}:${expand(json, field.type)}`),
    ];
    same(`${what} ${variant.name}`, show(ours, variant), show(real, twin));
  }
}

/** Compares one pallet: storage, constants, calls, events and errors. */
function comparePallet(ours: Json, real: Json, pallet: Pallet, same: Same): void {
  const other = real.pallets.find((item) => item.name === pallet.name)!;
  const place = ({ index, storage }: Pallet) => [index, storage?.prefix ?? null];
  same(pallet.name, place(pallet), place(other));
  for (const item of pallet.storage?.items ?? []) {
    if (item.name === ADDED.item) continue;
    const twin = other.storage!.items.find(({ name }) => name === item.name)!;
    const show = (json: Json, { type, modifier, fallback }: typeof item) => [
      modifier,
      fallback,
      type.map?.hashers,
      type.plain === undefined
        ? `${expand(json, type.map!.key)}=>${expand(json, type.map!.value)}`
        : expand(json, type.plain),
    ];
    same(`${pallet.name}.${item.name}`, show(ours, item), show(real, twin));
  }
  for (const constant of pallet.constants) {
    const twin = other.constants.find(({ name }) => name === constant.name)!;
    const show = (json: Json, { value, type }: typeof constant) => [value, expand(json, type)];
    same(`${pallet.name}.${constant.name}`, show(ours, constant), show(real, twin));
  }
  for (const kind of ['calls', 'events', 'errors'] as const) {
    const own = pallet[kind];
    if (own)
      compareVariants([ours, own.type], [real, other[kind]!.type], `${pallet.name} ${kind}`, same);
  }
}

describe('metadata of the embedded chain', () => {
  it.each(METADATA_VERSIONS)('decodes as version %i', (version) => {
    const metadata = new Metadata(new TypeRegistry(), metadataBytes(version));
    expect(metadata.version).toBe(version);
    expect(metadata.asLatest.pallets.map((pallet) => pallet.name.toString())).toContain(
      'SubtensorModule',
    );
  });

  it.skipIf(!present)('has the names, indices and types of the real runtime', () => {
    const ours = decode(metadataBytes(16));
    const real = decode(new Uint8Array(readFileSync(realFile)));
    let compared = 0;
    const same: Same = (what, a, b) => {
      compared++;
      expect(a, what).toEqual(b);
    };
    for (const pallet of ours.pallets) comparePallet(ours, real, pallet, same);
    for (const api of ours.apis) {
      for (const method of api.methods) {
        const twin = real.apis
          .find(({ name }) => name === api.name)!
          .methods.find(({ name }) => name === method.name)!;
        const show = (json: Json, { inputs, output }: typeof method) => [
          ...inputs.map((input) => expand(json, input.type)),
          expand(json, output),
        ];
        same(`${api.name}.${method.name}`, show(ours, method), show(real, twin));
      }
    }
    const extensions = (json: Json) =>
      json.extrinsic.transactionExtensions.map(({ identifier, type, implicit }) => [
        identifier,
        expand(json, type),
        expand(json, implicit),
      ]);
    same('extensions', extensions(ours), extensions(real));
    expect(compared).toBeGreaterThan(250);
  });

  it.skipIf(!present)('names errors as the real runtime does', () => {
    const real = decode(new Uint8Array(readFileSync(realFile)));
    const errors = new Set(
      real.pallets.flatMap((pallet) =>
        pallet.errors
          ? real.lookup.types[pallet.errors.type]!.type.def['variant']!.variants!.map(
              ({ name }) => name,
            )
          : [],
      ),
    );
    // Kinds of the runtime's own DispatchError, and one error of older runtimes.
    const others = /^(?:Token\.|BadOrigin$|CommitmentSetRateLimitExceeded$|SubnetNotExists$)/;
    expect(KNOWN_DISPATCH_ERRORS.filter((name) => !errors.has(name) && !others.test(name))).toEqual(
      [],
    );
  });
});
