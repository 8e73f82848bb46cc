// Makes src/devnet/chain/metadata.json: the part of real Subtensor metadata (SCALE V16) that the
// embedded chain offers. Names, indices and types stay as they are; docs go, type ids are
// renumbered without holes, one type a line for reviewers. node scripts/chain-metadata.ts
// path/to/metadata-spec424.scale
import { readFileSync, writeFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { ADDED, RUNTIME_SUBSET } from '../src/devnet/chain/runtime-subset.ts';

type Fields = { name: string | null; type: number; typeName: string | null; docs: string[] }[];
type Variant = { name: string; fields: Fields; index: number; docs: string[] };
type Definition = {
  composite?: { fields: Fields };
  variant?: { variants: Variant[] };
  sequence?: { type: number };
  array?: { len: number; type: number };
  tuple?: number[];
  primitive?: string;
  compact?: { type: number };
  bitSequence?: { bitStoreType: number; bitOrderType: number };
};
type Type = {
  id: number;
  type: {
    path: string[];
    params: { name: string; type: number | null }[];
    def: Definition;
    docs: string[];
  };
};
type Item = {
  name: string;
  type: { plain?: number; map?: { hashers: string[]; key: number; value: number } };
  docs: string[];
  fallback?: string;
};
type Pallet = {
  name: string;
  index: number;
  docs: string[];
  storage: { prefix: string; items: Item[] } | null;
  calls: { type: number } | null;
  events: { type: number } | null;
  errors: { type: number } | null;
  constants: { name: string; type: number; value: string; docs: string[] }[];
  associatedTypes: unknown[];
  viewFunctions: unknown[];
};
type Api = {
  name: string;
  version: number;
  methods: {
    name: string;
    inputs: { name: string; type: number }[];
    output: number;
    docs: string[];
  }[];
  docs: string[];
};
type Extrinsic = {
  versions: string;
  addressType: number;
  callType: number;
  signatureType: number;
  transactionExtensions: { identifier: string; type: number; implicit: number }[];
};
type V16 = {
  lookup: { types: Type[] };
  pallets: Pallet[];
  extrinsic: Extrinsic;
  apis: Api[];
  outerEnums: { callType: number; eventType: number; errorType: number };
  custom: unknown;
};

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node scripts/chain-metadata.ts METADATA.scale');
const real = new Metadata(new TypeRegistry(), readFileSync(file)).asV16.toJSON() as unknown as V16;
const typeOf = (id: number): Type => real.lookup.types[id]!;

const keepVariants = (id: number, names: readonly string[] | 'all'): void => {
  const variants = typeOf(id).type.def.variant!;
  for (const name of names === 'all' ? [] : names) {
    if (!variants.variants.some((variant) => variant.name === name))
      throw new Error(`the metadata has no ${name} in ${typeOf(id).type.path.join('::')}`);
  }
  if (names !== 'all')
    variants.variants = variants.variants.filter((variant) => names.includes(variant.name));
};

const pallets = real.pallets.filter((pallet) => pallet.name in RUNTIME_SUBSET.pallets);
const addedType = real.lookup.types.length;
real.lookup.types.push({
  id: addedType,
  type: {
    path: [...ADDED.path],
    params: [],
    def: {
      variant: {
        variants: ADDED.variants.map((name, index) => ({ name, fields: [], index, docs: [] })),
      },
    },
    docs: [],
  },
});
for (const pallet of pallets) {
  const kept = RUNTIME_SUBSET.pallets[pallet.name]!;
  if (pallet.storage) {
    const missing = kept.storage.filter(
      (name) => !pallet.storage!.items.some((item) => item.name === name),
    );
    if (missing.length > 0) throw new Error(`${pallet.name} has no storage ${missing.join(', ')}`);
    const model = pallet.storage.items.find((item) => item.name === ADDED.like);
    pallet.storage.items = pallet.storage.items.filter((item) => kept.storage.includes(item.name));
    if (pallet.name === ADDED.pallet)
      pallet.storage.items.push({
        ...structuredClone(model!),
        name: ADDED.item,
        type: { map: { ...model!.type.map!, value: addedType } },
        fallback: '0x00',
      });
  }
  if (pallet.calls && kept.calls.length > 0) keepVariants(pallet.calls.type, kept.calls);
  else pallet.calls = null;
  if (pallet.events && kept.events.length > 0) keepVariants(pallet.events.type, kept.events);
  else pallet.events = null;
  if (kept.calls.length === 0) pallet.errors = null;
  pallet.constants = pallet.constants.filter((constant) => kept.constants.includes(constant.name));
  pallet.associatedTypes = [];
  pallet.viewFunctions = [];
}
const names = (has: (pallet: Pallet) => unknown): string[] =>
  pallets.filter(has).map((pallet) => pallet.name);
keepVariants(
  real.outerEnums.callType,
  names((pallet) => pallet.calls),
);
keepVariants(
  real.outerEnums.eventType,
  names((pallet) => pallet.events),
);
keepVariants(
  real.outerEnums.errorType,
  names((pallet) => pallet.errors),
);
const apis = real.apis.filter((api) => api.name in RUNTIME_SUBSET.apis);
for (const api of apis) {
  const methods = RUNTIME_SUBSET.apis[api.name]!;
  api.methods = api.methods.filter((method) => methods === 'all' || methods.includes(method.name));
}

// Everything that can be reached, renumbered in the old order: AccountId32 stays type 0, which
// other clients take for granted.
/** Types of a composite's or a variant's fields. */
const fieldTypes = (def: Definition): number[] =>
  [
    ...(def.composite?.fields ?? []),
    ...(def.variant?.variants.flatMap((variant) => variant.fields) ?? []),
  ].map(({ type }) => type);
/** Types that a list or a packed value is made of. */
const elementTypes = (def: Definition): (number | undefined)[] => [
  def.sequence?.type,
  def.array?.type,
  def.compact?.type,
  def.bitSequence?.bitStoreType,
  def.bitSequence?.bitOrderType,
];

const reached = new Set<number>();
const reach = (id: number | null | undefined): void => {
  if (id === null || id === undefined || reached.has(id)) return;
  reached.add(id);
  const { def, params } = typeOf(id).type;
  for (const param of params) reach(param.type);
  for (const part of [...fieldTypes(def), ...(def.tuple ?? []), ...elementTypes(def)]) reach(part);
};
for (const pallet of pallets) {
  for (const item of pallet.storage?.items ?? [])
    for (const id of [item.type.plain, item.type.map?.key, item.type.map?.value]) reach(id);
  for (const id of [
    pallet.calls?.type,
    pallet.events?.type,
    pallet.errors?.type,
    ...pallet.constants.map((constant) => constant.type),
  ])
    reach(id);
}
for (const api of apis)
  for (const method of api.methods)
    for (const id of [...method.inputs.map((input) => input.type), method.output]) reach(id);
for (const id of [
  real.extrinsic.addressType,
  real.extrinsic.callType,
  real.extrinsic.signatureType,
  ...Object.values(real.outerEnums),
])
  reach(id);
for (const extension of real.extrinsic.transactionExtensions)
  for (const id of [extension.type, extension.implicit]) reach(id);
const order = [...reached].sort((a, b) => a - b);
const renumbered = new Map(order.map((id, index) => [id, index]));

/**
 * Deep copy with every type reference renumbered and docs dropped; error names stand in for docs,
 * which one SDK needs.
 */
const TYPE_KEYS = new Set([
  'type',
  'output',
  'implicit',
  'plain',
  'key',
  'value',
  'bitStoreType',
  'bitOrderType',
  'addressType',
  'callType',
  'signatureType',
  'eventType',
  'errorType',
]);
const copy = (value: unknown, key = ''): unknown => {
  if (typeof value === 'number' && TYPE_KEYS.has(key)) return renumbered.get(value) ?? null;
  if (Array.isArray(value))
    return value.map((item: unknown) =>
      key === 'tuple' ? renumbered.get(item as number) : copy(item),
    );
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'deprecationInfo')
      .map(([name, item]) => [name, name === 'docs' ? [] : copy(item, name)]),
  );
};
const errorTypes = new Set(
  pallets.flatMap((pallet) => (pallet.errors ? [pallet.errors.type] : [])),
);
const types = order.map((id) => {
  const type = copy(typeOf(id)) as Type;
  type.id = renumbered.get(id)!;
  if (errorTypes.has(id))
    for (const variant of type.type.def.variant!.variants) variant.docs = [variant.name];
  return type;
});
const lines = (list: unknown[]): string =>
  `[\n${list.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
const out = `{"types":${lines(types)},\n"pallets":${lines(pallets.map((pallet) => copy(pallet)))},\n"extrinsic":${JSON.stringify(copy(real.extrinsic))},\n"apis":${lines(apis.map((api) => copy(api)))},\n"outerEnums":${JSON.stringify(copy(real.outerEnums))}}\n`;
writeFileSync(new URL('../src/devnet/chain/metadata.json', import.meta.url), out);
console.log(`${types.length} types, ${pallets.length} pallets, ${out.length} characters`);
