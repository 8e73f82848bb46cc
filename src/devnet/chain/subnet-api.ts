// Runtime API answers about a subnet of the embedded chain: metagraph, neurons, hyperparameters.
import type { Vec } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import type { ChainNode } from './node.ts';
import source from './metadata.json' with { type: 'json' };

/** One runtime call: encoded arguments in, encoded answer out. */
export type Api = (node: ChainNode, data: Uint8Array, block: number) => Uint8Array;

/** Encodes a runtime call's answer by its type in the metadata. */
export function encodeOutput(
  node: ChainNode,
  api: string,
  method: string,
  value: unknown,
): Uint8Array {
  const output = source.apis
    .find((item) => item.name === api)!
    .methods.find((item) => item.name === method)!.output;
  return node.registry.createType(node.registry.createLookupType(output), value).toU8a();
}

const u16 = (data: Uint8Array): number => Buffer.from(data).readUInt16LE(0);

/** Names of a struct's fields, from the metadata. */
function fieldsOf(struct: string): string[] {
  const { type } = source.types.find((item) => item.type.path.at(-1) === struct)!;
  return (type.def as { composite: { fields: { name: string }[] } }).composite.fields.map(
    ({ name }) => name,
  );
}

const exists = (node: ChainNode, netuid: number, block: number): boolean =>
  node.storage.at(block, 'subtensorModule.networksAdded', netuid)!.toString() === 'true';

/** Hyperparameters by the name that runtime calls give them. */
const HYPERPARAMETERS: Readonly<Record<string, string>> = {
  tempo: 'tempo',
  weights_version: 'weightsVersionKey',
  weights_rate_limit: 'weightsSetRateLimit',
  min_allowed_weights: 'minAllowedWeights',
  max_weights_limit: 'maxWeightsLimit',
  max_validators: 'maxAllowedValidators',
  commit_reveal_weights_enabled: 'commitRevealWeightsEnabled',
  commit_reveal_period: 'revealPeriodEpochs',
  immunity_period: 'immunityPeriod',
  activity_cutoff: 'activityCutoff',
};

/** A subnet of the chain at a block. */
type View = { readonly node: ChainNode; readonly netuid: number; readonly block: number };

const itemOf = ({ node, netuid, block }: View, item: string, ...keys: unknown[]): Codec | null =>
  node.storage.at(block, `subtensorModule.${item}`, netuid, ...keys);
const listOf = (view: View, item: string): Codec[] => [...(itemOf(view, item) as Vec<Codec>)];
const uidsOf = (view: View): number[] =>
  Array.from({ length: Number(itemOf(view, 'subnetworkN')!.toString()) }, (_, uid) => uid);
const hotkeysOf = (view: View): string[] =>
  uidsOf(view).map((uid) => itemOf(view, 'keys', uid)!.toString());

/** Fields of a metagraph that are one storage item. */
const PLAIN: Readonly<Record<string, string>> = {
  ...HYPERPARAMETERS,
  last_step: 'lastMechansimStepBlock',
  max_uids: 'maxAllowedUids',
  num_uids: 'subnetworkN',
  burn: 'burn',
  owner_hotkey: 'subnetOwnerHotkey',
  owner_coldkey: 'subnetOwner',
  network_registered_at: 'networkRegisteredAt',
  blocks_since_last_step: 'blocksSinceLastStep',
};

const devnetName = (): number[] => [...Buffer.from('devnet')];

/** Fields of a metagraph that are put together. */
const MADE: Readonly<Record<string, (view: View) => unknown>> = {
  block: ({ block }) => block,
  hotkeys: hotkeysOf,
  coldkeys: (view) =>
    hotkeysOf(view).map((hotkey) =>
      view.node.storage.at(view.block, 'subtensorModule.owner', hotkey)!.toString(),
    ),
  active: (view) => listOf(view, 'active'),
  validator_permit: (view) => listOf(view, 'validatorPermit'),
  last_update: (view) => {
    const updates = listOf(view, 'lastUpdate').map((entry) => entry.toString());
    return uidsOf(view).map((uid) => updates[uid] ?? '0');
  },
  block_at_registration: (view) =>
    uidsOf(view).map((uid) => itemOf(view, 'blockAtRegistration', uid)!.toString()),
  validators: (view) =>
    listOf(view, 'validatorPermit').flatMap((permit, uid) =>
      permit.toString() === 'true' ? [uid] : [],
    ),
  commitments: (view) =>
    hotkeysOf(view).flatMap((hotkey) => {
      const { node, netuid, block } = view;
      const entry = node.storage.at(block, 'commitments.commitmentOf', netuid, hotkey);
      return entry === null ? [] : [[hotkey, [...entry.toU8a()]]];
    }),
  name: devnetName,
  symbol: devnetName,
  // No neuron has stake, dividends or an identity here: as many zeros as there are neurons.
  axons: (view) => uidsOf(view).map(() => ({})),
  identities: (view) => uidsOf(view).map(() => null),
  tao_dividends_per_hotkey: () => [],
  alpha_dividends_per_hotkey: () => [],
  identity: () => null,
};

/**
 * The parts of a metagraph that a validator asks for, by the metadata's field name. Others stay
 * None.
 */
function metagraphField(view: View, field: string): unknown {
  const plain = PLAIN[field];
  if (plain !== undefined) return itemOf(view, plain);
  const made = MADE[field];
  if (made) return made(view);
  if (ZEROS_PER_UID.has(field)) return uidsOf(view).map(() => 0);
  if (FLAGS.test(field)) return false;
  return field === 'moving_price' ? { bits: 0 } : 0;
}

const ZEROS_PER_UID = new Set(
  'pruning_score emission dividends incentives consensus trust rank alpha_stake tao_stake total_stake'.split(
    ' ',
  ),
);
const FLAGS = /_enabled$|_allowed$/;

/**
 * A metagraph with the asked fields, or with all of them. A field that was asked for is always
 * there, as on a real node.
 */
function metagraph(
  { node, netuid, block }: View,
  struct: string,
  asked: readonly number[] | null,
): unknown {
  if (!exists(node, netuid, block)) return null;
  const valueOf = (name: string, index: number): unknown => {
    if (name === 'netuid') return netuid;
    const wanted = asked === null || asked.includes(index);
    return wanted ? metagraphField({ node, netuid, block }, name) : null;
  };
  return Object.fromEntries(fieldsOf(struct).map((name, index) => [name, valueOf(name, index)]));
}

function subnetState(node: ChainNode, netuid: number, block: number): unknown {
  if (!exists(node, netuid, block)) return null;
  const known = new Set([
    'hotkeys',
    'coldkeys',
    'active',
    'validator_permit',
    'last_update',
    'block_at_registration',
  ]);
  const valueOf = (name: string): unknown => {
    if (name === 'netuid') return netuid;
    const told = known.has(name) || ZEROS_PER_UID.has(name);
    return told ? metagraphField({ node, netuid, block }, name) : undefined;
  };
  const fields = fieldsOf('SubnetState').map((name): [string, unknown] => [name, valueOf(name)]);
  // Histories of emission: none.
  return Object.fromEntries(fields.map(([name, value]) => [name, value ?? []]));
}

function neurons(node: ChainNode, netuid: number, block: number, full: boolean): unknown[] {
  const list = (name: string): unknown[] =>
    metagraphField({ node, netuid, block }, name) as unknown[];
  const [hotkeys, coldkeys, active] = [list('hotkeys'), list('coldkeys'), list('active')];
  const [permits, updates] = [list('validator_permit'), list('last_update')];
  return hotkeys.map((hotkey, uid) => ({
    hotkey,
    coldkey: coldkeys[uid],
    uid,
    netuid,
    active: active[uid],
    last_update: updates[uid],
    validator_permit: permits[uid],
    stake: [[coldkeys[uid], 0]],
    ...(full
      ? {
          weights: node.storage.at(block, 'subtensorModule.weights', netuid, uid)!.toJSON(),
          bonds: [],
        }
      : {}),
  }));
}

function hyperparameters(
  node: ChainNode,
  netuid: number,
  block: number,
): Record<string, Codec> | null {
  if (!exists(node, netuid, block)) return null;
  return Object.fromEntries(
    Object.entries(HYPERPARAMETERS).map(([name, item]) => [
      name,
      node.storage.at(block, `subtensorModule.${item}`, netuid)!,
    ]),
  );
}

/** An answer for each method of an API: the arguments begin with the netuid. */
function subnetApis(
  api: string,
  methods: Readonly<
    Record<string, (node: ChainNode, netuid: number, block: number, rest: Uint8Array) => unknown>
  >,
): Record<string, Api> {
  return Object.fromEntries(
    Object.entries(methods).map(([method, answer]): [string, Api] => [
      `${api}_${method}`,
      (node, data, block) =>
        encodeOutput(node, api, method, answer(node, u16(data), block, data.subarray(2))),
    ]),
  );
}

const indexesOf = (node: ChainNode, bytes: Uint8Array): number[] =>
  node.registry.createType('Vec<u16>', bytes).map((index) => index.toNumber());

/** Subnet and neuron calls by their wire name. */
export const SUBNET_APIS: Readonly<Record<string, Api>> = {
  ...subnetApis('NeuronInfoRuntimeApi', {
    get_neurons: (node, netuid, block) => neurons(node, netuid, block, true),
    get_neurons_lite: (node, netuid, block) => neurons(node, netuid, block, false),
  }),
  ...subnetApis('SubnetInfoRuntimeApi', {
    get_metagraph: (node, netuid, block) => metagraph({ node, netuid, block }, 'Metagraph', null),
    get_subnet_state: subnetState,
    get_selective_metagraph: (node, netuid, block, rest) =>
      metagraph({ node, netuid, block }, 'SelectiveMetagraph', indexesOf(node, rest)),
    // One mechanism only: its number stands before the indexes.
    get_selective_mechagraph: (node, netuid, block, rest) =>
      metagraph({ node, netuid, block }, 'SelectiveMetagraph', indexesOf(node, rest.subarray(1))),
    get_subnet_hyperparams_v2: hyperparameters,
    get_subnet_hyperparams_v3: (node, netuid, block) => {
      const values = hyperparameters(node, netuid, block);
      return (
        values &&
        Object.entries(values).map(([name, value]) => ({
          name,
          value: { [FLAGS.test(name) ? 'Bool' : 'U64']: value },
        }))
      );
    },
    get_next_epoch_start_block: (node, netuid, block) => {
      const number = (item: string): number =>
        Number(node.storage.at(block, `subtensorModule.${item}`, netuid)!.toString());
      const pending = number('pendingEpochAt');
      const next = number('lastEpochBlock') + number('tempo');
      if (number('tempo') === 0) return null;
      return pending > 0 ? Math.min(pending, next) : next;
    },
  }),
};
