// An extrinsic that waits in the embedded chain's pool, and whom it tells where it stands.
import type { GenericExtrinsic } from '@polkadot/types';

/** Where a submitted extrinsic stands, as `author_extrinsicUpdate` tells it. */
export type ExtrinsicStatus =
  'ready' | 'future' | { inBlock: string } | { finalized: string } | 'invalid';

/** An extrinsic in the pool. */
export type Pooled = {
  bytes: Uint8Array;
  hash: string;
  extrinsic: GenericExtrinsic;
  signer: string;
  nonce: number;
  watch: (status: ExtrinsicStatus) => void;
};
