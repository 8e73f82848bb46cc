// Safe decoding of on-chain bytes into commitments, whatever a node sends.
import type { Codec, Registry } from '@polkadot/types/types';
import { equalBytes, fromHex } from '../../core/bytes.ts';
import type { ChainCommitment, CommitmentField, StandingCommitment } from '../chain.ts';
import { ChainError } from '../errors.ts';

/**
 * Fields of a commitment as the registry decodes them. `toU8a(true)` drops the length prefix of
 * BigRaw and leaves RawN as it is.
 */
function commitmentFields(info: Codec): CommitmentField[] {
  const fields = (info as unknown as Map<string, Iterable<Codec>>).get('fields') ?? [];
  return [...fields].map((item) => oneField(item as unknown as { type: string; inner: Codec }));
}

function oneField({ type, inner }: { type: string; inner: Codec }): CommitmentField {
  if (/^(?:Raw\d+|BigRaw)$/.test(type)) return { kind: 'raw', bytes: inner.toU8a(true) };
  if (/^(?:BlakeTwo256|Sha256|Keccak256|ShaThree256)$/.test(type))
    return { kind: 'hash', algorithm: type };
  if (type === 'TimelockEncrypted') {
    const round =
      (inner as unknown as Map<string, Codec>).get('revealRound') ??
      (inner as unknown as Map<string, Codec>).get('reveal_round');
    return { kind: 'timelock', revealRound: Number(round?.toString() ?? 0) };
  }
  if (type === 'None') return { kind: 'none' };
  return { kind: type === 'ResetBondsFlag' ? 'reset-bonds' : 'unknown' };
}

/**
 * Decodes bytes that a node sent. Bytes of another type (a lying node, a runtime that changed under
 * us) give a named error, never the library's own.
 */
export function decodeAs(registry: Registry, type: string, bytes: Uint8Array): Codec {
  let value: Codec;
  try {
    value = registry.createType(type, bytes);
  } catch (error) {
    throw unreadable(type, error);
  }
  // The library reads the part that it understands of another shape, and ignores the rest silently.
  if (!equalBytes(value.toU8a(), bytes)) throw unreadable(type);
  return value;
}

const unreadable = (type: string, cause?: unknown): ChainError =>
  new ChainError(
    'UNREADABLE',
    'infra',
    `the node's answer is no ${type.slice(0, 80)}`,
    'was the runtime just upgraded? try again',
  ).causedBy(cause);

/** A stored Registration: block and fields. */
export function standingCommitment(registration: Codec): StandingCommitment {
  const record = registration as unknown as Map<string, Codec>;
  return {
    block: Number(record.get('block')!.toString()),
    fields: commitmentFields(record.get('info')!),
  };
}

/**
 * All that the chain holds of one hotkey's commitments. `revealed` is `Vec<(Bytes, u64)>`, oldest
 * first.
 */
export function commitmentOf(
  hotkey: string,
  standing: StandingCommitment | null,
  last: Codec | null | undefined,
  revealed: Codec | null | undefined,
): ChainCommitment {
  // An old runtime keeps no block of its own here: then the standing commitment tells the block.
  const lastBlock = last ? Number(last.toString()) : (standing?.block ?? null);
  const reveals = (revealed?.toJSON() ?? []) as [string, number | string][];
  return {
    hotkey,
    standing,
    lastBlock,
    revealed: reveals.map(([bytes, block]) => ({ block: Number(block), bytes: fromHex(bytes)! })),
  };
}
