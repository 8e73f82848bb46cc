// A validator on an embedded chain of its own: real anchors, plans of one made-up challenger.
import { SubtensorChain } from '../chain/io/subtensor.ts';
import { connect } from '../chain/io/connect.ts';
import { utf8 } from '../core/bytes.ts';
import { silentLog } from '../core/log.ts';
import { startChain } from '../devnet/chain/chain-server.ts';
import { chainRegistry } from '../devnet/chain/metadata.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { weightsEntropy } from '../chain/io/entropy.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { predecessorOf } from '../pipeline/plan-life.ts';
import { publishPlan } from '../pipeline/publish.ts';
import type { PlanDraft } from '../pipeline/scan.ts';
import type { Arena } from '../schema/arena.ts';
import { devnetBeacon } from './anchor-fixture.ts';
import { anchorFaults, readFaults } from './check-bench.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { planDraftAt } from './plan-fixture.ts';
import { testArena } from './test-arena.ts';

const { registry } = chainRegistry();

/** What a plan's draft may differ in. */
type DraftOptions = { readonly beacon?: Arena['beacon']; readonly tree?: string };

/** A store whose commits of one title fail, as where the run was killed before them. */
export function dyingAt(store: MemoryStore, title: string): MemoryStore {
  return {
    ...store,
    commit: (validator, message, build) =>
      message.startsWith(title)
        ? Promise.reject(new Error('killed'))
        : store.commit(validator, message, build),
  };
}

/** Starts the chain, and gives what a validator does there. Close it after the test. */
export async function validatorBench(options: Parameters<typeof startChain>[0] = {}) {
  const server = await startChain({ tempo: 1000, ...options });
  const chain = new SubtensorChain(await connect(server.url));
  const { validator, stranger } = server.node.genesis;
  const pair = devPair(validator.hotkey.uri);
  const wallet = chain.transactor(pair);
  const signer = signerOf(pair);
  const arena = { ...testArena(pair.address), netuid: 2 };
  const operator = (tree = 'unknown') => ({
    ...{ validator: pair.address, tree, node: 'v24', run: null, host: {}, tier: 'test' },
  });
  const store = memoryStore(pair.address);
  const portsOn = (on: MemoryStore = store, tree?: string) => ({
    ...{ chain, wallet, clock: monotonicClock, log: silentLog, operator: operator(tree) },
    ...{ entropy: weightsEntropy, ledger: new OwnLedger(on, signer) },
  });
  const draft = async ({ beacon = devnetBeacon, tree = 'unknown' }: DraftOptions = {}) => {
    const { number } = await chain.finalizedHead();
    const made = planDraftAt(pair.address, number, 1);
    const { genesisHash } = await chain.identity();
    const ledger = await portsOn().ledger.read();
    const predicate: PlanDraft['predicate'] = {
      ...made.predicate,
      ...{ network: { ...made.predicate.network, genesisHash } },
      ...{ arena: { ...made.predicate.arena, beacon } },
      ...{ harness: { ...made.predicate.harness, tree } },
      follows: predecessorOf(ledger, { block: { number }, tree })?.sha256 ?? null,
    };
    return { ...made, predicate };
  };
  const publish = async (on: MemoryStore = store, more: DraftOptions = {}) =>
    publishPlan(portsOn(on, more.tree), arena, operator(more.tree), await draft(more));
  return {
    ...{ server, chain, pair, stranger: devPair(stranger.uri), wallet, signer, arena, store },
    ...{ operator, portsOn, draft, publish },
    /** Sends bytes into the validator's commitment, and builds a block. */
    commit: async (text: string) => {
      const { extrinsic } = await wallet.sign({ kind: 'commit', netuid: 2, payload: utf8(text) });
      await chain.submit(extrinsic);
      server.node.build();
      return extrinsic;
    },
    /** How many commitments of the validator the chain's blocks hold. */
    commits: () =>
      server.node.blocks
        .flatMap(({ extrinsics }) => extrinsics.slice(1))
        .map((hex) => registry.createType('Extrinsic', hex))
        .filter(
          ({ signer: from, method }) =>
            from.toString() === pair.address && method.section === 'commitments',
        ).length,
    /** What an audit finds in a ledger's chain of records and in its anchors. */
    faults: async (on: MemoryStore = store) => {
      const { records, faults } = readFaults(pair.address, on.files());
      return [...faults, ...(await anchorFaults(records, pair.address, chain))];
    },
    close: async () => {
      await chain.disconnect();
      await server.close();
    },
  };
}
export type ValidatorBench = Awaited<ReturnType<typeof validatorBench>>;
