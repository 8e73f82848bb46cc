// Admission of signed extrinsics to the embedded chain: signature, era, nonce and fee.
import type { GenericExtrinsic, TypeRegistry } from '@polkadot/types';
import { blake2AsU8a, ed25519Verify, secp256k1Verify, sr25519Verify } from '@polkadot/util-crypto';
import { equalBytes } from '../../core/bytes.ts';
import { withinBounds } from './pallets/commitments-pallet.ts';

/** Version numbers that every signature covers. */
export const SPEC_NAME = 'node-subtensor';
export const SPEC_VERSION = 424;
export const TRANSACTION_VERSION = 1;
/** Blocks for which the chain remembers hashes: an older era is ancient. */
const BLOCK_HASH_COUNT = 2400;

/** Why the pool refuses an extrinsic: JSON-RPC code, message, data. */
export class PoolError extends Error {
  readonly rpcCode: number;
  readonly data: string;
  constructor(rpcCode: number, message: string, data: string) {
    super(message);
    this.rpcCode = rpcCode;
    this.data = data;
  }
}

const invalid = (data: string): PoolError => new PoolError(1010, 'Invalid Transaction', data);

/** Decodes a signed extrinsic; the node's own errors where it cannot. */
export function decodeExtrinsic(registry: TypeRegistry, bytes: Uint8Array): GenericExtrinsic {
  let extrinsic: GenericExtrinsic;
  try {
    extrinsic = registry.createType('Extrinsic', bytes);
  } catch (error) {
    throw new PoolError(
      1002,
      'Verification Error: Runtime error: Execution failed',
      error instanceof Error ? error.message.slice(0, 200) : 'undecodable',
    );
  }
  // The registry ignores trailing bytes and limits that metadata does not state; a node's decoder
  // refuses both.
  if (!equalBytes(extrinsic.toU8a(), bytes) || !withinBounds(extrinsic.method as never)) {
    throw new PoolError(
      1002,
      'Verification Error: Runtime error: Execution failed',
      'the bytes are not one extrinsic',
    );
  }
  if (!extrinsic.isSigned || extrinsic.version !== 0x84)
    throw new PoolError(1010, 'Invalid Transaction', 'Transaction call is not expected');
  return extrinsic;
}

/** The chain as the next block finds it. */
export type ChainAhead = {
  readonly specVersion: number;
  /** Number of the block that an extrinsic is to enter. */
  readonly next: number;
  /** Hash of a known block. */
  readonly hashOf: (block: number) => string | null;
};

/** Checks signature and mortality for entry into the next block. */
export function verifyExtrinsic(
  registry: TypeRegistry,
  extrinsic: GenericExtrinsic,
  { specVersion, next, hashOf }: ChainAhead,
): void {
  const birth = extrinsic.era.isMortalEra ? extrinsic.era.asMortalEra.birth(next) : 0;
  const blockHash = hashOf(birth);
  if (blockHash === null || (birth !== 0 && next - birth > BLOCK_HASH_COUNT))
    throw invalid('Transaction has an ancient birth block');
  const payload = registry
    .createType(
      'ExtrinsicPayload',
      {
        method: extrinsic.method.toHex(),
        era: extrinsic.era,
        nonce: extrinsic.nonce,
        tip: extrinsic.tip,
        mode: 0,
        metadataHash: null,
        specVersion,
        transactionVersion: TRANSACTION_VERSION,
        genesisHash: hashOf(0)!,
        blockHash,
      },
      { version: 4 },
    )
    .toU8a({ method: true });
  if (!hasSigned(registry, extrinsic, payload.length > 256 ? blake2AsU8a(payload) : payload))
    throw invalid('Transaction has a bad signature');
}

/** Whether an extrinsic's signer signed a message. */
function hasSigned(
  registry: TypeRegistry,
  extrinsic: GenericExtrinsic,
  message: Uint8Array,
): boolean {
  const { type } = (
    extrinsic.inner as unknown as { signature: { multiSignature: { type: string } } }
  ).signature.multiSignature;
  const signature = extrinsic.signature.toU8a();
  const raw = signature.length === 65 && type !== 'Ecdsa' ? signature.slice(1) : signature;
  const key = registry.createType('AccountId32', extrinsic.signer.toString()).toU8a();
  // By the tag alone: the library's own signatureVerify tries every scheme and accepts
  // <Bytes>-wrapped messages.
  return tryVerify(() => {
    if (type === 'Sr25519') return sr25519Verify(message, raw, key);
    if (type === 'Ed25519') return ed25519Verify(message, raw, key);
    return secp256k1Verify(message, raw, key, 'blake2');
  });
}

function tryVerify(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

/** Refuses a nonce that was used; true where it is the next one. */
export function checkNonce(nonce: number, expected: number): boolean {
  if (nonce < expected) throw invalid('Transaction is outdated');
  return nonce === expected;
}

/** Refuses a signer that cannot pay. */
export function checkFee(freeRao: bigint, feeRao: bigint): void {
  if (feeRao > freeRao) throw invalid('Inability to pay some fees (e.g. account balance too low)');
}
