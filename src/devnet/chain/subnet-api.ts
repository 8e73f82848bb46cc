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

/**
 * The parts of a metagraph that a validator asks for, by the metadata's field name. Others stay
 * None.
 */
function metagraphField(node: ChainNode, netuid: number, block: number, field: string): unknown {
  const get = (item: string, ...args: unknown[]): Codec | null =>
    node.storage.at(block, `subtensorModule.${item}`, netuid, ...args);
  const size = Number(get('subnetworkN')!.toString());
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const hotkeys = (): string[] => uids.map((uid) => get('keys', uid)!.toString());
  const padded = (item: string): string[] => {
    const list = [...(get(item) as Vec<Codec>)].map((entry) => entry.toString());
    return uids.map((uid) => list[uid] ?? '0');
  };
  const plain: Record<string, string> = {
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
  if (plain[field] !== undefined) return get(plain[field]);
  switch (field) {
    case 'block':
      return block;
    case 'hotkeys':
      return hotkeys();
    case 'coldkeys':
      return hotkeys().map((hotkey) =>
        node.storage.at(block, 'subtensorModule.owner', hotkey)!.toString(),
      );
    case 'active':
      return [...(get('active') as Vec<Codec>)];
    case 'validator_permit':
      return [...(get('validatorPermit') as Vec<Codec>)];
    case 'last_update':
      return padded('lastUpdate');
    case 'block_at_registration':
      return uids.map((uid) => get('blockAtRegistration', uid)!.toString());
    case 'validators':
      return [...(get('validatorPermit') as Vec<Codec>)].flatMap((permit, uid) =>
        permit.toString() === 'true' ? [uid] : [],
      );
    case 'commitments':
      return hotkeys().flatMap((hotkey) => {
        const entry = node.storage.at(block, 'commitments.commitmentOf', netuid, hotkey);
        return entry === null ? [] : [[hotkey, [...entry.toU8a()]]];
      });
    case 'name':
    case 'symbol':
      return [...Buffer.from('devnet')];
    // No neuron has stake, dividends or an identity here: as many zeros as there are neurons.
    case 'axons':
      return uids.map(() => ({}));
    case 'identities':
      return uids.map(() => null);
    case 'tao_dividends_per_hotkey':
    case 'alpha_dividends_per_hotkey':
      return [];
    case 'identity':
      return null;
    default:
      if (ZEROS_PER_UID.has(field)) return uids.map(() => 0);
      if (FLAGS.test(field)) return false;
      return field === 'moving_price' ? { bits: 0 } : 0;
  }
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
  node: ChainNode,
  netuid: number,
  block: number,
  struct: string,
  asked: readonly number[] | null,
): unknown {
  if (!exists(node, netuid, block)) return null;
  const valueOf = (name: string, index: number): unknown => {
    if (name === 'netuid') return netuid;
    const wanted = asked === null || asked.includes(index);
    return wanted ? metagraphField(node, netuid, block, name) : null;
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
    return told ? metagraphField(node, netuid, block, name) : undefined;
  };
  const fields = fieldsOf('SubnetState').map((name): [string, unknown] => [name, valueOf(name)]);
  // Histories of emission: none.
  return Object.fromEntries(fields.map(([name, value]) => [name, value ?? []]));
}

function neurons(node: ChainNode, netuid: number, block: number, full: boolean): unknown[] {
  const list = (name: string): unknown[] => metagraphField(node, netuid, block, name) as unknown[];
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
    get_metagraph: (node, netuid, block) => metagraph(node, netuid, block, 'Metagraph', null),
    get_subnet_state: subnetState,
    get_selective_metagraph: (node, netuid, block, rest) =>
      metagraph(node, netuid, block, 'SelectiveMetagraph', indexesOf(node, rest)),
    // One mechanism only: its number stands before the indexes.
    get_selective_mechagraph: (node, netuid, block, rest) =>
      metagraph(node, netuid, block, 'SelectiveMetagraph', indexesOf(node, rest.subarray(1))),
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
