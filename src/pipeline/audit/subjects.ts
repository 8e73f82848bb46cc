// What the checks of an audit look at: a ledger, its plans, their rounds, and other ledgers.
import type { KnownArena } from '../../schema/arena-index.ts';
import type { ReadFingerprint } from '../../arena/known-images.ts';
import type { ChainReader } from '../../chain/chain.ts';
import type { Log } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import type { DrawnPlan, RoundEvidence } from '../../judge/drawn-plan.ts';
import type { Ledger, LedgerFiles } from '../../ledger/read.ts';
import type { Records } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import type { Arena } from '../../schema/arena.ts';

/** Readers that an audit needs. Null where one is not at hand. */
export type AuditPorts = {
  readonly chain: ChainReader | null;
  readonly log: Log;
  readonly tokenizerOf: (source: Arena['tokenizer']) => Tokenizer;
  readonly corpusOf: (source: Arena['corpus']) => Corpus | null;
  /** Reads evidence by path; it throws for a file that is cut, edited or too large. */
  readonly readEvidence: (files: ReadonlyMap<string, Uint8Array>) => RoundEvidence;
  /** Text of a gzipped file; null where it is none. */
  readonly unpackText: (bytes: Uint8Array) => string | null;
  /** Every arena of the repository that ever counted. */
  readonly arenas: readonly KnownArena[];
  /** Names under `results/` that are no ledger. */
  readonly strays?: readonly string[];
  /** The same ledgers as another clone has them. */
  readonly witness?: ReadonlyMap<string, LedgerFiles> | null;
  /** The arena that plans of a local chain must have; null: they are compared with each other. */
  readonly localArena: Arena | null;
};

/** A ledger. */
export type LedgerSubject = { readonly ledger: Ledger; readonly ports: AuditPorts };

/** A plan with what was on record before it. */
export type PlanSubject = LedgerSubject & {
  readonly plan: LedgerRecord<'plan'>;
  readonly arena: Arena;
  readonly before: Records;
};

/** A round with its plan, as far as its evidence can be read. */
export type RoundSubject = PlanSubject & {
  readonly round: LedgerRecord<'round'>;
  readonly evidence: RoundEvidence;
  readonly drawn: DrawnPlan;
  readonly readPrint: ReadFingerprint;
};

/** An intent or an outcome of weights, an anchor, a readback. */
export type RecordSubject<K extends 'weights-intent' | 'weights' | 'weights-readback' | 'anchor'> =
  LedgerSubject & { readonly record: { [Kind in K]: LedgerRecord<Kind> }[K] };

/** Every ledger of an audit, and what else was given. */
export type LedgersSubject = {
  readonly ledgers: readonly Ledger[];
  /** Names under `results/` that are no ledger. */
  readonly strays: readonly string[];
  /** The same ledgers as another clone has them; null: none was asked. */
  readonly witness: ReadonlyMap<string, LedgerFiles> | null;
};
