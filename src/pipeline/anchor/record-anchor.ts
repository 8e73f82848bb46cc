// Puts an anchor on record that stands on chain, whichever run sent it.
import type { BlockRef, ChainCommitment, ChainReader } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { blake2b256 } from '../../core/hash.ts';
import type { Log } from '../../core/log.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import type { Draft } from '../../ledger/draft.ts';
import type { OwnLedger } from '../../ledger/own-ledger.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Arena } from '../../schema/arena.ts';
import { folderOf } from '../../schema/paths.ts';
import { type Operator, recordContext } from '../context.ts';
import { notAfterOf } from '../plan-life.ts';
import { type Anchored, anchorOf, isAnchorExtrinsic } from './anchor-text.ts';
import { assertHoldsAnchor } from './own-anchor.ts';

/** Who anchors where: the chain, the ledger, and the code that runs. */
export type AnchorRecording = {
  readonly chain: ChainReader;
  readonly ledger: OwnLedger;
  readonly clock: Clock;
  readonly log: Log;
};
/** The subnet and the rules that an anchor's record names. */
export type AnchorArena = Pick<Arena, 'netuid' | 'rules'>;

/** What an anchor belongs to: a plan before anything is measured, or weights after they are set. */
export type AnchorOwner = LedgerRecord<'plan'> | LedgerRecord<'weights'>;
type Anchor = LedgerRecord<'anchor'>;
/** Where the chain holds an anchor. */
export type FoundAnchor = { readonly block: BlockRef; readonly anchored: Anchored };

export const POLL_MS = 1000;
/** A block is final in half a minute; ten minutes are an outage. */
const FINAL_WAITS = 600;

/** Path of the anchor of a plan or of weights. */
export function anchorPath({ kind, path }: Pick<AnchorOwner, 'kind' | 'path'>): string {
  return kind === 'plan' ? `${folderOf(path)}anchor.json` : path.replace(/\.json$/, '.anchor.json');
}

/** The anchor on record of a plan or of weights, or null. */
export function anchorOnRecord(ledger: Records, of: AnchorOwner): Anchor | null {
  const path = anchorPath(of);
  return recordsOf(ledger, 'anchor').find((record) => record.path === path) ?? null;
}

/** The block of an anchor that stands on chain, once it is final; null where a fork dropped it. */
async function onceFinal(
  { chain, clock, ledger }: AnchorRecording,
  { netuid }: AnchorArena,
  block: number,
  anchored: Anchored,
): Promise<FoundAnchor | null> {
  for (let waits = 0; waits < FINAL_WAITS; waits++) {
    const head = await chain.finalizedHead();
    if (head.number >= block) {
      const hash = await chain.blockHash(block);
      const seen = hash && (await chain.commitment(ledger.validator, netuid, head));
      const stands = seen && anchorOf(seen)?.sha256 === anchored.sha256;
      return stands ? { block: { number: block, hash }, anchored } : null;
    }
    await clock.sleep(POLL_MS);
  }
  return null;
}

/** The transaction among those of its block: signed by this key, and saying this. */
async function extrinsicIn(
  { chain, ledger }: AnchorRecording,
  { netuid }: AnchorArena,
  { block: { number }, anchored }: FoundAnchor,
): Promise<Anchor['predicate']['anchor']['extrinsic']> {
  const who = { publicKey: decodeSs58(ledger.validator)!, netuid };
  const body = await chain.extrinsics(number);
  for (const [index, bytes] of (body?.extrinsics ?? []).entries()) {
    const own = isAnchorExtrinsic(fromHex(bytes)!, who, anchored);
    // The same call may have failed before it passed: only what passed changed the slot.
    if (own && (await chain.outcome(body!.block, index)).ok)
      return { index, hash: `0x${toHex(blake2b256(fromHex(bytes)!))}`, bytes };
  }
  throw new ChainError(
    'STALE',
    'infra',
    `block ${number} does not show the anchor that stands on chain`,
    'the endpoint lags: run again',
  );
}

/** Puts an anchor's transaction on record, as the block holds it, beside what it belongs to. */
export async function recordAnchor(
  recording: AnchorRecording,
  arena: AnchorArena,
  operator: Operator,
  { of, found }: { readonly of: AnchorOwner; readonly found: FoundAnchor },
): Promise<Anchor> {
  const { chain, ledger, log } = recording;
  const { block, anchored } = found;
  const extrinsic = await extrinsicIn(recording, arena, found);
  const timestampMs = await chain.timestampMs(block);
  const draft: Draft<'anchor'> = {
    kind: 'anchor',
    path: anchorPath(of),
    subject: [{ name: 'record', digest: { sha256: anchored.sha256 } }],
    predicate: {
      ...(await recordContext(chain, operator, arena, of.predicate.block)),
      plan: of.kind === 'plan' ? of.sha256 : null,
      notAfter: of.kind === 'plan' ? notAfterOf(block.number, of) : null,
      anchor: { record: anchored, block: { ...block, timestampMs }, extrinsic },
    },
  };
  const after = await ledger.append(`Anchor record ${anchored.seq}`, (now) =>
    anchorOnRecord(now, of) ? null : { drafts: [draft] },
  );
  log.info(`anchored record ${anchored.seq} at block ${block.number}`);
  return anchorOnRecord(after, of)!;
}

/**
 * What an anchor on chain belongs to: the plan that it names, else the newest weights that it
 * covers. Null where those have an anchor already.
 */
function ownerOf(ledger: Records, { seq, sha256 }: Anchored): AnchorOwner | null {
  const plan = recordsOf(ledger, 'plan').find((item) => item.sha256 === sha256);
  const covered = recordsOf(ledger, 'weights').filter((item) => item.predicate.seq <= seq);
  const owner = plan ?? covered.at(-1) ?? null;
  return owner && !anchorOnRecord(ledger, owner) ? owner : null;
}

/**
 * Whether the ledger holds what its validator has on chain (RULES "Own anchor"), and puts an anchor
 * on record that stands there without: the run that sent it did not live to. Before anything else
 * is signed or sent, for the next anchor replaces it, and then it could be found in no record.
 * Throws `LEDGER_BEHIND` and `LEDGER_REWRITTEN`.
 */
export async function adoptOwnAnchor(
  recording: AnchorRecording,
  arena: AnchorArena,
  operator: Operator,
): Promise<ChainCommitment> {
  const { chain, ledger, log } = recording;
  const now = await ledger.read();
  const commitment = await chain.commitment(ledger.validator, arena.netuid);
  assertHoldsAnchor(now, commitment);
  const anchored = anchorOf(commitment);
  if (!anchored || !commitment.standing) return commitment;
  const { block } = commitment.standing;
  const onRecord = recordsOf(now, 'anchor').some(
    ({ predicate: { anchor } }) =>
      anchor.record.seq === anchored.seq && anchor.block.number === block,
  );
  const of = onRecord ? null : ownerOf(now, anchored);
  const found = of && (await onceFinal(recording, arena, block, anchored));
  if (!found) return commitment;
  log.warn(
    `record ${anchored.seq} was anchored at block ${block}, and no record says so: now one does`,
  );
  await recordAnchor(recording, arena, operator, { of, found });
  return commitment;
}
