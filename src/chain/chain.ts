/** A finalized block. */
export type BlockRef = { readonly number: number; readonly hash: string };
/** What tells one chain from another. */
export type ChainIdentity = { readonly genesisHash: string; readonly specName: string; readonly specVersion: number };

/** One field of a commitment as it stands on chain, bytes undecoded. */
export type CommitmentField =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly algorithm: string }
  | { readonly kind: 'timelock'; readonly revealRound: number }
  | { readonly kind: 'none' | 'reset-bonds' | 'unknown' };
export type ChainCommitment = { readonly hotkey: string; readonly block: number; readonly fields: readonly CommitmentField[] };
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
  readonly remark: string;
  readonly before: BlockRef;
};
export type PaymentOutcome =
  | { readonly state: 'paid' }
  | { readonly state: 'refused'; readonly reason: string }
  | { readonly state: 'unknown'; readonly reason: string };

export type WeightRow = readonly { readonly uid: number; readonly weight: number }[];
/** How a weight transaction ended. A refusal by the chain is a value: it is recorded. */
export type SendOutcome =
  | { readonly ok: true; readonly extrinsicHash: string; readonly block: BlockRef }
  | { readonly ok: false; readonly extrinsicHash: string | null; readonly reason: string; readonly retry: boolean };

/** Reading a chain: always at a finalized block. */
export interface ChainReader {
  identity(): Promise<ChainIdentity>;
  finalizedHead(): Promise<BlockRef>;
  /** Hash of a finalized block, or null where there is none (yet). */
  blockHash(number: number): Promise<string | null>;
  snapshot(block: BlockRef, netuid: number): Promise<Snapshot>;
  payment(claim: PaymentClaim): Promise<PaymentOutcome>;
  uidOf(hotkey: string, netuid: number, block: BlockRef): Promise<number | null>;
  weights(uid: number, netuid: number, block: BlockRef): Promise<WeightRow>;
  /** How the subnet takes weights now. */
  weightRules(netuid: number, block: BlockRef): Promise<{ commitReveal: boolean; versionKey: number }>;
}

/** Sending as a validator. */
export interface WeightSender {
  setWeights(netuid: number, row: WeightRow, versionKey: number): Promise<SendOutcome>;
}
