// Anchors that no chain ever saw, and the seeds that the devnet's beacon draws after them.
import { compact } from '../chain/scale.ts';
import { concatBytes, toHex } from '../core/bytes.ts';
import { blake2b256, sha256Hex } from '../core/hash.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { DEVNET_BEACON, signPulse } from '../devnet/chain/pallets/drand-pallet.ts';
import type { Draft } from '../ledger/draft.ts';
import type { OwnLedger } from '../ledger/own-ledger.ts';
import type { Records } from '../ledger/records-of.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { anchorCall } from '../pipeline/anchor/anchor-text.ts';
import { anchorPath } from '../pipeline/anchor/record-anchor.ts';
import { drawable, seedOfPlan } from '../pipeline/draw/verify-draw.ts';
import { notAfterOf } from '../pipeline/plan-life.ts';
import type { Draw } from '../schema/artifacts.ts';

/** The devnet's beacon, as an arena names it. */
export const devnetBeacon = {
  kind: 'drand' as const,
  publicKey: `0x${toHex(DEVNET_BEACON.publicKey)}`,
  genesisSeconds: DEVNET_BEACON.genesisSeconds,
  periodSeconds: DEVNET_BEACON.periodSeconds,
  delaySeconds: 0,
};

/** Unix ms of a block of a made-up chain. */
const timeOf = (block: number): number => 1_790_000_000_000 + block * 12_000;

/** The anchor of a plan in a block of a made-up chain, by default the next one. */
function anchorDraft(
  plan: LedgerRecord<'plan'>,
  block = plan.predicate.block.number + 1,
): Draft<'anchor'> {
  const { schema, network, validator, harness, host } = plan.predicate;
  const record = { seq: plan.predicate.seq, sha256: plan.sha256 };
  const key = decodeSs58(validator) ?? new Uint8Array(32);
  const call = anchorCall(network.netuid, record);
  const signed = concatBytes(Uint8Array.of(0x84, 0), key, new Uint8Array(65), call);
  const bytes = concatBytes(compact(signed.length), signed);
  const at = { number: block, hash: `0x${sha256Hex(`block ${block}`)}` };
  return {
    kind: 'anchor',
    path: anchorPath(plan),
    subject: [{ name: 'record', digest: { sha256: plan.sha256 } }],
    predicate: {
      ...{ schema, network, validator, block: plan.predicate.block, harness, host },
      plan: plan.sha256,
      notAfter: notAfterOf(block, plan),
      anchor: {
        record,
        block: { ...at, timestampMs: timeOf(block) },
        extrinsic: { index: 1, hash: `0x${toHex(blake2b256(bytes))}`, bytes: `0x${toHex(bytes)}` },
      },
    },
  };
}

/** Puts the anchor of a plan on record. */
export async function anchorPlan(
  ledger: OwnLedger,
  plan: LedgerRecord<'plan'>,
  block?: number,
): Promise<void> {
  await ledger.append('Anchor', () => ({ drafts: [anchorDraft(plan, block)] }));
}

/** The draw of an anchored plan under the devnet's beacon, whose key is public. */
export function drawFor(records: Records, plan: LedgerRecord<'plan'>): Draw {
  const found = drawable(records, plan);
  if ('fault' in found) throw new Error(found.fault.message);
  const { source } = found;
  if (source.kind !== 'drand') throw new Error('the fixture draws from pulses alone');
  const signature = `0x${toHex(signPulse(source.round))}`;
  const pulse = { round: source.round, signature };
  return { schema: 1, plan: plan.sha256, seed: seedOfPlan(found, pulse), pulse };
}
