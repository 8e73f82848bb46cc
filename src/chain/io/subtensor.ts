import type { ApiPromise } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import type { Vec } from '@polkadot/types';
import { encodeSs58 } from '../../core/ss58.ts';
import type {
  BlockRef,
  ChainCommitment,
  ChainIdentity,
  ChainNeuron,
  ChainReader,
  PaymentClaim,
  PaymentOutcome,
  SendOutcome,
  Snapshot,
  WeightRow,
  WeightSender,
} from '../chain.ts';
import { ChainError } from '../errors.ts';
import { commitmentFields } from './decode.ts';
import { verifyPayment } from './payment.ts';
import { signAndWait } from './submit.ts';

/** Indexes of getSelectiveMetagraph that a scan needs: hotkeys, coldkeys, permits, registration blocks. */
const METAGRAPH = { hotkeys: 52, coldkeys: 53, validatorPermit: 57, blockAtRegistration: 66 } as const;
/** What an absent map entry of account ids decodes to. */
const NOBODY = encodeSs58(new Uint8Array(32));

type Storage = Record<
  string,
  Record<
    string,
    ((...args: unknown[]) => Promise<Codec>) & { entries(...args: unknown[]): Promise<[{ args: Codec[] }, Codec][]> }
  >
>;

/** Calls and storage that every chain we use must have. */
const NEEDED = {
  tx: ['subtensorModule.setWeights', 'commitments.setCommitment', 'utility.batchAll'],
  query: ['subtensorModule.uids', 'subtensorModule.keys', 'commitments.commitmentOf'],
} as const;

/** Reads and writes a Subtensor chain, new or old: what an old runtime lacks is read from storage instead. */
export class SubtensorChain implements ChainReader {
  readonly api: ApiPromise;
  /** What this runtime has of the features that came later. */
  readonly features: { readonly selectiveMetagraph: boolean; readonly bigRaw: boolean; readonly timelock: boolean };

  constructor(api: ApiPromise) {
    this.api = api;
    const has = (root: unknown, path: string): boolean =>
      path.split('.').every((name) => (root = (root as Record<string, unknown> | undefined)?.[name]) !== undefined);
    for (const path of NEEDED.tx)
      if (!has(api.tx, path))
        throw new ChainError('MISSING_FEATURE', 'infra', `the chain has no call ${path}`, 'is this a Subtensor node?');
    for (const path of NEEDED.query)
      if (!has(api.query, path))
        throw new ChainError('MISSING_FEATURE', 'infra', `the chain has no storage ${path}`, 'is this a Subtensor node?');
    const fields = api.tx['commitments']!['setCommitment']!.meta.args[1]!.type.toString();
    const definition =
      JSON.stringify(api.registry.createType(fields).toRawType()) +
      JSON.stringify(
        api.registry.lookup.types
          .filter(({ type }) => type.path.at(-1)?.toString() === 'Data')
          .map(({ type }) => type.def.toJSON()),
      );
    this.features = {
      selectiveMetagraph: has(api.call, 'subnetInfoRuntimeApi.getSelectiveMetagraph'),
      bigRaw: definition.includes('BigRaw'),
      timelock: definition.includes('TimelockEncrypted'),
    };
  }

  identity(): Promise<ChainIdentity> {
    const { genesisHash, runtimeVersion } = this.api;
    return Promise.resolve({
      genesisHash: genesisHash.toHex(),
      specName: runtimeVersion.specName.toString(),
      specVersion: runtimeVersion.specVersion.toNumber(),
    });
  }

  async finalizedHead(): Promise<BlockRef> {
    const hash = await this.api.rpc.chain.getFinalizedHead();
    const header = await this.api.rpc.chain.getHeader(hash);
    return { number: header.number.toNumber(), hash: hash.toHex() };
  }

  async blockHash(number: number): Promise<string | null> {
    const hash = (await this.api.rpc.chain.getBlockHash(number)).toHex();
    return /^0x0+$/.test(hash) ? null : hash;
  }

  async #at(
    block: BlockRef,
  ): Promise<{ query: Storage; call: Record<string, Record<string, (...args: unknown[]) => Promise<Codec>>> }> {
    return await this.api.at(block.hash);
  }

  async snapshot(block: BlockRef, netuid: number): Promise<Snapshot> {
    const at = await this.#at(block);
    const neurons = this.features.selectiveMetagraph
      ? await selectiveNeurons(at.call, netuid)
      : await storedNeurons(at.query, netuid);
    const entries = await at.query['commitments']!['commitmentOf']!.entries(netuid);
    const commitments = entries.map(([key, value]): ChainCommitment => {
      const record = (value as unknown as { unwrap(): Map<string, Codec> }).unwrap();
      return {
        hotkey: key.args[1]!.toString(),
        block: Number(record.get('block')!.toString()),
        fields: commitmentFields(record.get('info')!),
      };
    });
    return { block, neurons, commitments };
  }

  payment(claim: PaymentClaim): Promise<PaymentOutcome> {
    return verifyPayment(this.api, claim);
  }

  async uidOf(hotkey: string, netuid: number, block: BlockRef): Promise<number | null> {
    const at = await this.#at(block);
    const uid = await at.query['subtensorModule']!['uids']!(netuid, hotkey);
    return uid.isEmpty ? null : Number(uid.toString());
  }

  async weights(uid: number, netuid: number, block: BlockRef): Promise<WeightRow> {
    const at = await this.#at(block);
    const row = (await at.query['subtensorModule']!['weights']!(netuid, uid)).toJSON() as [number, number][];
    return row.map(([target, weight]) => ({ uid: target, weight })).sort((a, b) => a.uid - b.uid);
  }

  async weightRules(netuid: number, block: BlockRef): Promise<{ commitReveal: boolean; versionKey: number }> {
    const module = (await this.#at(block)).query['subtensorModule']!;
    const [flag, key] = await Promise.all([module['commitRevealWeightsEnabled']?.(netuid), module['weightsVersionKey']!(netuid)]);
    return { commitReveal: flag?.toString() === 'true', versionKey: Number(key.toString()) };
  }

  /** Sends weights with the validator's hotkey. */
  sender(pair: KeyringPair): WeightSender {
    return {
      setWeights: async (netuid, row, versionKey): Promise<SendOutcome> => {
        const tx = this.api.tx['subtensorModule']!['setWeights']!(
          netuid,
          row.map(({ uid }) => uid),
          row.map(({ weight }) => weight),
          versionKey,
        );
        return signAndWait(this.api, tx, pair);
      },
    };
  }
}

async function selectiveNeurons(
  call: Record<string, Record<string, (...args: unknown[]) => Promise<Codec>>>,
  netuid: number,
): Promise<ChainNeuron[]> {
  const answer = (await call['subnetInfoRuntimeApi']!['getSelectiveMetagraph']!(netuid, Object.values(METAGRAPH))) as unknown as {
    isNone: boolean;
    unwrap(): Map<string, { unwrap(): Vec<Codec> }>;
  };
  if (answer.isNone)
    throw new ChainError('WRONG_CHAIN', 'infra', `the chain has no subnet ${netuid}`, 'check netuid in the arena');
  const list = (name: string): string[] => [...answer.unwrap().get(name)!.unwrap()].map((item) => item.toString());
  const [coldkeys, permits, registered] = [list('coldkeys'), list('validatorPermit'), list('blockAtRegistration')];
  return list('hotkeys').map((hotkey, uid) => ({
    uid,
    hotkey,
    coldkey: coldkeys[uid]!,
    registeredAt: Number(registered[uid]!),
    validatorPermit: permits[uid] === 'true',
  }));
}

async function storedNeurons(query: Storage, netuid: number): Promise<ChainNeuron[]> {
  const module = query['subtensorModule']!;
  const size = Number((await module['subnetworkN']!(netuid)).toString());
  if (size === 0)
    throw new ChainError(
      'WRONG_CHAIN',
      'infra',
      `the chain has no subnet ${netuid}, or nobody is on it`,
      'check netuid in the arena',
    );
  const permits = (await module['validatorPermit']!(netuid)).toJSON() as boolean[];
  const neurons = await Promise.all(
    Array.from({ length: size }, async (_, uid): Promise<ChainNeuron | null> => {
      const hotkey = (await module['keys']!(netuid, uid)).toString();
      if (hotkey === NOBODY) return null; // a missing key reads as the zero account
      const [coldkey, registered] = await Promise.all([module['owner']!(hotkey), module['blockAtRegistration']!(netuid, uid)]);
      return {
        uid,
        hotkey,
        coldkey: coldkey.toString(),
        registeredAt: Number(registered.toString()),
        validatorPermit: permits[uid] ?? false,
      };
    }),
  );
  return neurons.filter((neuron) => neuron !== null);
}

/** Checks that a chain is the arena's. Throws `WRONG_CHAIN`: weights for another chain would be somebody else's money. */
export async function assertChain(chain: ChainReader, genesisHash: string | null): Promise<ChainIdentity> {
  const identity = await chain.identity();
  if (identity.specName !== 'node-subtensor')
    throw new ChainError('WRONG_CHAIN', 'infra', `the chain runs ${identity.specName}, not node-subtensor`, 'check the endpoint');
  if (genesisHash !== null && identity.genesisHash !== genesisHash)
    throw new ChainError(
      'WRONG_CHAIN',
      'infra',
      `the chain's genesis is ${identity.genesisHash}, the arena pins ${genesisHash}`,
      'check the endpoint',
    );
  return identity;
}
