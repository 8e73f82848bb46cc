// Interface to the chain: what the validator reads from a subnet and sends to its nodes.
import type { Reasoned } from '../schema/reasons.ts';
import type { Beacon } from '../beacon/pulses.ts';
import type { ChainRefusal } from './dispatch-errors.ts';

/** A finalized block. */
export type BlockRef = { readonly number: number; readonly hash: string };
/** What tells one chain from another. */
export type ChainIdentity = {
  readonly genesisHash: string;
  readonly specName: string;
  readonly specVersion: number;
};

/** One field of a commitment as it stands on chain, bytes undecoded. */
export type CommitmentField =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly algorithm: string }
  | { readonly kind: 'timelock'; readonly revealRound: number }
  | { readonly kind: 'none' | 'reset-bonds' | 'unknown' };
/**
 * A commitment that stands now. The chain keeps one per hotkey: a later one replaces it, sealed or
 * not.
 */
export type StandingCommitment = {
  readonly block: number;
  readonly fields: readonly CommitmentField[];
};
/**
 * What the chain revealed of a sealed commitment, with the block of the reveal (not of the
 * commitment).
 */
export type RevealedCommitment = { readonly block: number; readonly bytes: Uint8Array };
/** Everything that the chain knows of one hotkey's commitments. */
export type ChainCommitment = {
  readonly hotkey: string;
  readonly standing: StandingCommitment | null;
  /** Newest last; the chain keeps ten. */
  readonly revealed: readonly RevealedCommitment[];
  /** Block of the last commitment of any kind; reveals do not clear it. */
  readonly lastBlock: number | null;
};
export type ChainNeuron = {
  readonly uid: number;
  readonly hotkey: string;
  readonly coldkey: string;
  readonly registeredAt: number;
  readonly validatorPermit: boolean;
};

/** Everything a scan reads, at one finalized block. */
export type Snapshot = {
  readonly block: BlockRef;
  readonly neurons: readonly ChainNeuron[];
  readonly commitments: readonly ChainCommitment[];
};

/** What a miner claims to have paid. */
export type PaymentClaim = {
  readonly tx: string;
  readonly block: number | string;
  readonly coldkey: string;
  readonly treasury: string;
  readonly amountRao: bigint;
  /** Any of these binds the payment to its submission. */
  readonly remarks: readonly string[];
  readonly before: BlockRef;
};
export type PaymentOutcome =
  { readonly state: 'paid' } | ({ readonly state: 'refused' | 'unknown' } & Reasoned);

export type WeightRow = readonly { readonly uid: number; readonly weight: number }[];

/**
 * A subnet as one of its hotkeys sees it at the newest block: everything that sending depends on.
 */
export type SubnetState = {
  readonly head: BlockRef;
  readonly uid: number | null;
  /** Coldkey that owns the hotkey; null for a hotkey without an owner. */
  readonly coldkey: string | null;
  readonly size: number;
  readonly validatorPermit: boolean;
  /** Owner hotkeys may set weights without a permit. */
  readonly isOwner: boolean;
  /**
   * Stake that counts for permits and weights, and the least that setting weights wants; null where
   * the runtime does not tell.
   */
  readonly stakeRao: bigint | null;
  readonly stakeThresholdRao: bigint;
  readonly lastUpdate: number;
  readonly weightsRateLimit: number;
  readonly minAllowedWeights: number;
  readonly versionKey: number;
  readonly commitReveal: boolean;
  /** Version that a timelocked commit must name; null where the runtime has none. */
  readonly timelockVersion: number | null;
  readonly tempo: number;
  /**
   * Counted epochs; null on runtimes before spec 423, whose epochs follow from the block number.
   */
  readonly epochs: EpochState | null;
  readonly revealPeriodEpochs: number;
  /** The chain's own clock, unix seconds: a machine's clock may be wrong. */
  readonly nowSeconds: number;
  readonly blockSeconds: number;
  /** The beacon that the chain opens timelocks with; null where it has none. */
  readonly beacon: Beacon | null;
};

/** A call that a validator or a miner of this competition signs. */
export type Call =
  | {
      readonly kind: 'set-weights';
      readonly netuid: number;
      readonly row: WeightRow;
      readonly versionKey: number;
    }
  | { readonly kind: 'commit-weights'; readonly netuid: number; readonly hash: Uint8Array }
  | {
      readonly kind: 'reveal-weights';
      readonly netuid: number;
      readonly row: WeightRow;
      readonly salt: readonly number[];
      readonly versionKey: number;
    }
  | {
      readonly kind: 'commit-timelocked-weights';
      readonly netuid: number;
      readonly ciphertext: Uint8Array;
      readonly round: number;
      readonly version: number;
    }
  | { readonly kind: 'commit'; readonly netuid: number; readonly payload: Uint8Array }
  | {
      readonly kind: 'commit-sealed';
      readonly netuid: number;
      readonly ciphertext: Uint8Array;
      readonly round: number;
    }
  | {
      readonly kind: 'pay';
      readonly treasury: string;
      readonly amountRao: bigint;
      readonly remark: string;
    };

/**
 * A signed transaction. A client may send the same bytes any number of times: the nonce lets them
 * in once, the era ends at `lastBlock`. So the client writes them down before it sends them. A
 * later run sends these bytes, never new ones, until they are in a block or their era is over.
 */
export type SignedTransaction = {
  readonly extrinsic: string;
  readonly hash: string;
  readonly signer: string;
  readonly nonce: number;
  readonly firstBlock: number;
  readonly lastBlock: number;
};

/** What became of an extrinsic in its block. */
export type ExtrinsicOutcome =
  { readonly ok: true } | { readonly ok: false; readonly refusal: ChainRefusal };

/** Reading a chain, at finalized blocks unless said otherwise; and handing it signed bytes. */
export interface ChainReader {
  /** What chain it is, and the runtime that a block ran on; without a block the newest one. */
  identity(block?: BlockRef): Promise<ChainIdentity>;
  finalizedHead(): Promise<BlockRef>;
  /** Hash of a block, or null where there is none (yet). */
  blockHash(number: number): Promise<string | null>;
  /**
   * Throws `DISAGREEMENT` or `UNREACHABLE` where a second endpoint is wanted and does not know this
   * block under this hash.
   */
  confirm(block: BlockRef): Promise<void>;
  /** Neurons and commitments of a subnet at a block, by default the finalized head. */
  snapshot(netuid: number, block?: BlockRef): Promise<Snapshot>;
  /**
   * Block of a hotkey's last commitment as it stood at a block; throws `STATE_DISCARDED` where the
   * node no longer knows.
   */
  lastCommitment(hotkey: string, netuid: number, block: number): Promise<number | null>;
  /** One hotkey's commitments after a block, by default the newest one. */
  commitment(hotkey: string, netuid: number, block?: BlockRef): Promise<ChainCommitment>;
  /** The chain's own time in the state of a block, unix ms. */
  timestampMs(block: BlockRef): Promise<number>;
  /** Signature of a beacon's pulse; null where the chain has none (yet), or no beacon at all. */
  pulse(round: number): Promise<string | null>;
  payment(claim: PaymentClaim): Promise<PaymentOutcome>;
  uidOf(hotkey: string, netuid: number, block: BlockRef): Promise<number | null>;
  weights(uid: number, netuid: number, block: BlockRef): Promise<WeightRow>;
  subnet(netuid: number, hotkey: string): Promise<SubnetState>;
  /** A subnet's epoch after a block. */
  epoch(netuid: number, block: BlockRef): Promise<number>;
  /**
   * Hashes of the weight commits that a hotkey made in an epoch and that wait to be revealed: of
   * the hash itself, or of the sealed bytes.
   */
  waitingCommits(netuid: number, hotkey: string, epoch: number): Promise<readonly string[]>;
  balanceRao(address: string): Promise<bigint>;
  /** The finalized head with the nonce that an account's next transaction has there. */
  finalizedNonce(address: string): Promise<{ readonly head: BlockRef; readonly nonce: number }>;
  /** Encoded extrinsics of a block, or null where there is no such block. */
  extrinsics(
    block: number,
  ): Promise<{ readonly block: BlockRef; readonly extrinsics: readonly string[] } | null>;
  /** What became of an extrinsic; throws `STATE_DISCARDED` where the node no longer knows. */
  outcome(block: BlockRef, index: number): Promise<ExtrinsicOutcome>;
  /** Hands signed bytes to the pool; a refusal by the pool is a value. */
  submit(extrinsic: string): Promise<ChainRefusal | null>;
}

/** Signs calls with one key. Nothing is sent. */
export interface ExtrinsicSigner {
  readonly address: string;
  sign(call: Call): Promise<SignedTransaction>;
  /** What a call would cost. */
  feeRao(call: Call): Promise<bigint>;
}

/**
 * A subnet's epoch state after block `head` (spec 423 and later: epochs are counted, not computed
 * from the block number).
 */
export type EpochState = {
  readonly head: number;
  readonly tempo: number;
  readonly lastEpochBlock: number;
  readonly pendingEpochAt: number;
  readonly subnetEpochIndex: number;
  readonly blocksSinceLastStep: number;
  readonly revealPeriodEpochs: number;
};

/** How a subnet takes weights. */
export type WeightMethod = 'plain' | 'commit-reveal' | 'timelock';
