// The weight records of a ledger: which are open, which the chain has not shown, and their drafts.
import type { BlockRef, SignedTransaction, WeightMethod, WeightRow } from '../../chain/chain.ts';
import { sha256Hex } from '../../core/hash.ts';
import type { Draft } from '../../ledger/draft.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Predicate, RecordContext } from '../../schema/records.ts';
import type { WeightsBody, WeightsCommit } from './weight-row.ts';

type Records = Pick<Ledger, 'records'>;
export type Intent = LedgerRecord<'weights-intent'>;
export type WeightsRecord = LedgerRecord<'weights'>;

/** What became of an intent, as its weights record says it. */
export type Outcome = Pick<
  Predicate<'weights'>,
  'extrinsicHash' | 'includedIn' | 'readBack' | 'status' | 'reason' | 'reasons' | 'commit'
>;
/** What became of a commit, as its read-back record says it. */
export type Readback = Pick<
  Predicate<'weights-readback'>,
  'readAt' | 'readBack' | 'status' | 'reason' | 'reasons' | 'extrinsicHash'
>;

/** The outcome on record of an intent, or null. */
export function outcomeOnRecord(ledger: Records, intent: Intent): WeightsRecord | null {
  return (
    recordsOf(ledger, 'weights').find((item) => item.predicate.intent === intent.sha256) ?? null
  );
}

/** An intent whose outcome is not on record: the process died between sending and recording. */
export function openIntent(ledger: Records): Intent | null {
  return (
    recordsOf(ledger, 'weights-intent').findLast(
      (intent) => outcomeOnRecord(ledger, intent) === null,
    ) ?? null
  );
}

/** Commits that the chain has not shown yet. */
export function pendingWeights(ledger: Records): WeightsRecord[] {
  const closed = new Set(
    recordsOf(ledger, 'weights-readback').map((record) => record.predicate.weights),
  );
  return recordsOf(ledger, 'weights').filter(
    (record) => record.predicate.status === 'pending' && !closed.has(record.sha256),
  );
}

/** The block of the newest weights that a block holds, or null. */
export function lastIncluded(ledger: Records, which: 'any' | 'good'): BlockRef | null {
  return (
    recordsOf(ledger, 'weights').findLast(
      ({ predicate }) =>
        predicate.includedIn !== null && (which === 'any' || predicate.status !== 'failed'),
    )?.predicate.includedIn ?? null
  );
}

/** What an intent is made of. */
export type IntentParts = {
  readonly context: { schema: 1 } & RecordContext;
  readonly body: WeightsBody;
  readonly versionKey: number;
  readonly method: WeightMethod;
  readonly commit: WeightsCommit | null;
  readonly transaction: SignedTransaction;
};

const rowDigest = (row: WeightRow): string => sha256Hex(JSON.stringify(row));

/** An intent: signed and committed before anything is sent (RULES "Intent before sending"). */
export function intentDraft(parts: IntentParts): Draft<'weights-intent'> {
  const { context, body, ...rest } = parts;
  return {
    kind: 'weights-intent',
    path: `weights/${context.block.number}.intent.json`,
    subject: [{ name: 'weights', digest: { sha256: rowDigest(body.weights) } }],
    predicate: { ...context, ...body, holders: [...body.holders], ...rest },
  };
}

/** The record of what became of an intent. */
export function outcomeDraft(intent: Intent, outcome: Outcome): Draft<'weights'> {
  const { seq, prev, transaction, ...body } = intent.predicate;
  return {
    kind: 'weights',
    path: intent.path.replace('.intent.json', '.json'),
    subject: intent.subject,
    predicate: { ...body, intent: intent.sha256, ...outcome },
  };
}

/** The record of what the chain shows of a commit. */
export function readbackDraft(
  pending: WeightsRecord,
  readback: Readback,
): Draft<'weights-readback'> {
  const { schema, network, validator, block, harness, host } = pending.predicate;
  return {
    kind: 'weights-readback',
    path: pending.path.replace('.json', '.readback.json'),
    subject: pending.subject,
    predicate: {
      schema,
      network,
      validator,
      block,
      harness,
      host,
      weights: pending.sha256,
      ...readback,
    },
  };
}
