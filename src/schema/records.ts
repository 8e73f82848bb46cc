// Schemas of every signed ledger record, from plans to rounds and weights.
import { z } from 'zod';
import { reasonFields } from './reasons.ts';
import { calibrationSchema } from './calibration.ts';
import { armReportSchema, takeoverSchema } from './report.ts';
import { standingSchema } from './standing.ts';
import { roleSchema, submissionSchema } from './submission.ts';
import { VERDICTS } from './verdicts.ts';

/** Type of every record's payload, for DSSE. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const KINDS = [
  'plan',
  'round',
  'void',
  'weights-intent',
  'weights',
  'weights-readback',
  'anchor',
] as const;
export type Kind = (typeof KINDS)[number];

/** `https://cacheon.ai/<kind>/v1`. */
export function predicateType(kind: Kind): string {
  return `https://cacheon.ai/${kind}/v1`;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hash32 = z.string().regex(/^0x[0-9a-f]{64}$/);
/** Whole bytes. */
const hexBytes = z.string().regex(/^0x(?:[0-9a-f]{2})+$/);
const count = z.number().int().nonnegative();
const nullable = z.number().nullable();
/** Of a subnet, a neuron, a weight: what two bytes hold. */
const u16 = count.max(65_535);
/** A block's number: what four bytes hold, as on the chain. */
const height = count.max(4_294_967_295);
const block = z.strictObject({ number: height, hash: hash32 });

/** What every record carries: where and when it stands, and the code and machine that made it. */
const context = {
  schema: z.literal(1),
  seq: count,
  /** sha256 of the previous record's bytes; null for the first. */
  prev: sha256.nullable(),
  network: z.strictObject({
    genesisHash: hash32,
    netuid: u16,
    specName: z.string(),
    specVersion: count,
  }),
  validator: z.string(),
  block,
  harness: z.strictObject({
    /** Tree hash of the code that made it, `-dirty` behind it where that was changed. */
    tree: z.string(),
    node: z.string(),
    rules: count,
    /** The workflow run that made it; null outside of one. */
    run: z.strictObject({ id: z.string(), attempt: count }).nullable(),
  }),
  host: z.record(z.string(), z.unknown()),
};

const planPredicate = z.strictObject({
  ...context,
  /** The voided plan whose entries and seed this one keeps; null: it draws a seed of its own. */
  follows: sha256.nullable(),
  /** How long its shards take one after another: it is void 1.5 times later than its anchor. */
  plannedMinutes: count,
  tier: z.string(),
  /** The full arena; src/arena's schema reads it. */
  arena: z.record(z.string(), z.unknown()),
  /** Of the arena file's bytes. */
  arenaSha256: sha256,
  tokenizerSha256: z.string(),
  corpus: z.string(),
  /** What the tier in use was measured to differ by; null where the arena names no calibration. */
  calibration: calibrationSchema.nullable(),
  /** Differences of earlier rounds' role controls, the oldest first. */
  controls: z.array(z.number()),
  standing: standingSchema,
  submissions: z.array(submissionSchema),
  /** How many machines it needs; the seed deals the challengers to them. */
  shards: count.max(256),
});

/**
 * The anchor of a plan or of weights: the transaction that wrote a record's number and hash to the
 * chain, and the block that took it.
 */
const anchorPredicate = z.strictObject({
  ...context,
  /** The plan that it anchors; null after weights. */
  plan: sha256.nullable(),
  /** Last block at which the plan's round may be published; null after weights. */
  notAfter: height.nullable(),
  anchor: z.strictObject({
    record: z.strictObject({ seq: count, sha256 }),
    block: z.strictObject({ number: height, hash: hash32, timestampMs: count }),
    extrinsic: z.strictObject({
      index: count,
      hash: hash32,
      bytes: hexBytes,
    }),
  }),
});

/** What a seed was drawn from: a pulse of the beacon, or a block; null where it was given. */
export const pulseSchema = z
  .union([
    z.strictObject({ round: count, signature: z.string().regex(/^0x[0-9a-f]{96}$/) }),
    z.strictObject({ block: count, hash: hash32 }),
  ])
  .nullable();
export type PulseRecord = z.infer<typeof pulseSchema>;

const entry = z.strictObject({
  key: z.string(),
  hotkey: z.string(),
  uid: u16,
  commitBlock: height,
  image: z.string().nullable(),
  digest: z.string().nullable(),
  role: roleSchema.nullable(),
  verdict: z.enum(VERDICTS),
  ...reasonFields,
  score: z.number(),
  /** False where the round could not decide: it is measured again, first, and without a new fee. */
  final: z.boolean(),
  boots: z.array(z.strictObject({ shard: count, boot: count, report: armReportSchema })),
});
/** The judge's results: the part of a round that every auditor can compute again. */
export const roundBody = z.strictObject({
  /** Who was measured where, as the seed dealt them. */
  shards: z.array(z.strictObject({ index: count, entries: z.array(z.string()) })),
  /** The prompts of each boot that was measured. */
  promptSuites: z.array(z.strictObject({ shard: count, boot: count, sha256 })),
  entries: z.array(entry),
  decisions: z.array(
    z.strictObject({
      key: z.string(),
      shard: count,
      against: z.enum(['winner', 'baseline', 'shut']),
      ...takeoverSchema.shape,
    }),
  ),
  /** The baseline in a challenger's slot, and its paired difference; null where none was to run. */
  control: z.strictObject({ report: armReportSchema, d: nullable }).nullable(),
  standing: standingSchema,
  /** What each shard's machine said of itself: engines, probes, clock. */
  hosts: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});
const roundPredicate = z.strictObject({
  ...context,
  plan: sha256,
  seed: hash32,
  pulse: pulseSchema,
  ...roundBody.shape,
  files: z.record(z.string(), sha256),
});
const voidPredicate = z.strictObject({
  ...context,
  plan: sha256,
  reason: z.string(),
  /** Its seed, where that was known: the plan that follows is measured by it. */
  seed: hash32.nullable(),
  pulse: pulseSchema,
  /** What was measured before it ended so; nothing is judged from it. */
  files: z.record(z.string(), sha256),
});

const weight = z.strictObject({ uid: u16, weight: u16 });
const weightsBody = {
  /** sha256 of the round these weights follow from; null before the first round. */
  round: sha256.nullable(),
  holders: z.array(z.strictObject({ hotkey: z.string(), uid: u16.nullable() })),
  shares: z.array(z.strictObject({ uid: u16, share: z.number() })),
  weights: z.array(weight),
  versionKey: count,
  method: z.enum(['plain', 'commit-reveal', 'timelock']),
  /** The arena that gives burn uid and shares. */
  emission: z.strictObject({
    burnUid: u16,
    fullPoolScore: z.number(),
    winnerShare: z.number(),
    runnerUpShare: z.number(),
  }),
};
/**
 * A commit of weights that the chain reveals later: the value to look for on chain, and (for a
 * hash) the salt that reveals it.
 */
const commit = z.strictObject({
  /** Of the committed bytes, as the chain's event names it. */
  hash: hash32,
  epoch: count,
  firstRevealBlock: count.nullable(),
  round: count.nullable(),
  salt: z.array(u16).nullable(),
});
/**
 * The signed bytes themselves: a later run that finds an intent without an outcome sends these
 * again, and never others.
 */
const transaction = z.strictObject({
  extrinsic: hexBytes,
  hash: hash32,
  signer: z.string(),
  nonce: count,
  firstBlock: height,
  lastBlock: height,
});
const intentPredicate = z.strictObject({
  ...context,
  ...weightsBody,
  commit: commit.nullable(),
  transaction,
});
const weightsPredicate = z.strictObject({
  ...context,
  ...weightsBody,
  commit: commit.nullable(),
  intent: sha256,
  extrinsicHash: hash32.nullable(),
  includedIn: block.nullable(),
  readBack: z.array(weight),
  /** pending: committed, and shown by the chain in a later epoch; a weights-readback closes it. */
  status: z.enum(['set', 'pending', 'failed']),
  ...reasonFields,
});
const readbackPredicate = z.strictObject({
  ...context,
  weights: sha256,
  readBack: z.array(weight),
  readAt: block,
  status: z.enum(['set', 'failed']),
  ...reasonFields,
  /** The transaction that revealed a hash commit. */
  extrinsicHash: hash32.nullable(),
});

export const PREDICATES = {
  plan: planPredicate,
  round: roundPredicate,
  void: voidPredicate,
  'weights-intent': intentPredicate,
  weights: weightsPredicate,
  'weights-readback': readbackPredicate,
  anchor: anchorPredicate,
} as const;
export type Predicate<K extends Kind> = z.infer<(typeof PREDICATES)[K]>;
export type PlanPredicate = Predicate<'plan'>;
export type RoundPredicate = Predicate<'round'>;
export type RoundBody = z.infer<typeof roundBody>;
export type RoundEntry = RoundBody['entries'][number];
export type RecordContext = Pick<
  PlanPredicate,
  'network' | 'validator' | 'block' | 'harness' | 'host'
>;

/** An in-toto statement around a predicate. */
export const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.string(),
  predicate: z.unknown(),
});
export type Statement = z.infer<typeof statementSchema>;

/** The detached signature beside a record. */
export const signatureSchema = z.strictObject({
  payloadType: z.literal(PAYLOAD_TYPE),
  keyid: z.string().max(128),
  sig: z.base64().max(200),
});
