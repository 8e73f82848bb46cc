// A subnet's state and weight records with plain defaults, for tests of settling.
import { because } from '../schema/reasons.ts';
import type { SubnetState, WeightRow } from '../chain/chain.ts';
import type { Intent, WeightsRecord } from '../pipeline/settle/weights-records.ts';
import type { Predicate } from '../schema/records.ts';

const hash = (digit: number): string => String(digit).repeat(64);

/** All weight to the burn uid. */
export const BURN: WeightRow = [{ uid: 0, weight: 65535 }];

/** A subnet of four neurons in epoch 7, blocks 1000 to 1359, at block 1100; plain weights. */
export function subnetState(over: Partial<SubnetState> = {}): SubnetState {
  return {
    head: { number: 1100, hash: `0x${hash(1)}` },
    uid: 3,
    coldkey: null,
    size: 4,
    validatorPermit: true,
    isOwner: false,
    stakeRao: 100n,
    stakeThresholdRao: 10n,
    lastUpdate: 500,
    weightsRateLimit: 100,
    minAllowedWeights: 1,
    versionKey: 0,
    commitReveal: false,
    timelockVersion: null,
    tempo: 360,
    epochs: {
      subnetEpochIndex: 7,
      lastEpochBlock: 1000,
      pendingEpochAt: 0,
      tempo: 360,
    } as SubnetState['epochs'],
    revealPeriodEpochs: 1,
    nowSeconds: 1_700_000_000,
    blockSeconds: 12,
    beacon: null,
    ...over,
  };
}

const context = (block: number) => ({
  schema: 1 as const,
  seq: 0,
  prev: null,
  network: { genesisHash: `0x${hash(0)}`, netuid: 2, specName: 'node', specVersion: 1 },
  validator: 'validator',
  block: { number: block, hash: `0x${hash(2)}` },
  harness: { tree: 'unknown', node: 'v24', rules: 1, run: null },
  host: {},
});
const body = (weights: WeightRow) => ({
  round: null,
  holders: [],
  shares: [],
  weights: [...weights],
  versionKey: 0,
  method: 'plain' as const,
  emission: { burnUid: 0, fullPoolScore: 1, winnerShare: 0.8, runnerUpShare: 0.2 },
  commit: null,
});

/** An intent of a block. */
export function intentAt(block: number, over: Partial<Predicate<'weights-intent'>> = {}): Intent {
  return {
    path: `weights/${block}.intent.json`,
    kind: 'weights-intent',
    sha256: `${block}`.padStart(64, '0'),
    subject: [{ name: 'weights', digest: { sha256: hash(3) } }],
    predicate: {
      ...context(block),
      ...body(BURN),
      transaction: {
        extrinsic: '0x00',
        hash: `0x${hash(4)}`,
        signer: 'validator',
        nonce: 1,
        firstBlock: block,
        lastBlock: block + 64,
      },
      ...over,
    },
  };
}

/** The weights record of a block's intent: set in the next block. */
export function weightsAt(block: number, over: Partial<Predicate<'weights'>> = {}): WeightsRecord {
  return {
    path: `weights/${block}.json`,
    kind: 'weights',
    sha256: `${block}`.padStart(64, 'f'),
    subject: intentAt(block).subject,
    predicate: {
      ...context(block),
      ...body(BURN),
      intent: intentAt(block).sha256,
      extrinsicHash: `0x${hash(4)}`,
      includedIn: { number: block + 1, hash: `0x${hash(5)}` },
      readBack: [...BURN],
      status: 'set',
      ...because('read-back', 'read back from the chain'),
      ...over,
    },
  };
}
