// Audits a round: judged again from its traces, and its verdicts of copying derived again.
import { hasReason } from '../../schema/reasons.ts';
import { knownImages, measuredKeys, type ReadFingerprint } from '../../arena/known-images.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { copyOf } from '../../images/copies.ts';
import { isDecided, type KnownImage, rivalsOf } from '../../images/rivals.ts';
import { drawnPlan, type RoundEvidence } from '../../judge/drawn-plan.ts';
import { judgeRound } from '../../judge/round.ts';
import type { Ledger } from '../../ledger/read.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import { suiteHash } from '../../prompts/sampler.ts';
import { bootSuite } from '../../prompts/suites.ts';
import { type Arena, arenaSchema } from '../../schema/arena.ts';
import type { Fingerprint } from '../../schema/fingerprint.ts';
import { fingerprintPath } from '../../schema/paths.ts';
import type { Trace } from '../../schema/trace.ts';
import type { BootBodies } from '../../schema/boot-bodies.ts';
import { drawFault } from '../draw/verify-draw.ts';
import type { ReportFault } from './audit-weights.ts';

/** What judging a round again takes. */
export type RoundAuditPorts = {
  readonly tokenizerOf: (source: Arena['tokenizer']) => Tokenizer;
  /** Null where the corpus is not at hand. */
  readonly corpusOf: (source: Arena['corpus']) => Corpus | null;
  /** Reads evidence by path; it throws for a file that is cut or edited. */
  readonly readEvidence: (files: ReadonlyMap<string, Uint8Array>) => RoundEvidence;
  readonly log: Log;
};

/** One round under audit, with its plan and its ledger. */
export type RoundAudit = {
  readonly ledger: Pick<Ledger, 'records' | 'files'>;
  readonly plan: LedgerRecord<'plan'>;
  readonly round: LedgerRecord<'round'>;
  readonly readPrint: ReadFingerprint;
};

const folderOf = ({ round }: RoundAudit): string => round.path.replace(/round\.json$/, '');

/** Judges a round again from its signed plan, its seed and its traces. Never throws. */
export function auditRound(audited: RoundAudit, ports: RoundAuditPorts, report: ReportFault): void {
  const { ledger, plan, round } = audited;
  const drawn = drawFault(ledger, plan, round.predicate);
  if (drawn) report(drawn.code, round.path, drawn.message);
  const evidence = readFiles(audited, ports, report);
  try {
    const arena = arenaSchema.parse(plan.predicate.arena);
    const { seed, entries, decisions, control, standing, hosts, ...more } = round.predicate;
    const { shards, promptSuites } = more;
    const tokenizer = ports.tokenizerOf(arena.tokenizer);
    const derived = judgeRound(drawnPlan(plan, seed), evidence, tokenizer);
    const recorded = {
      ...{ shards, promptSuites, entries, decisions, control, standing },
      ...(hosts === undefined ? {} : { hosts }),
    };
    const difference = firstDifference(recorded, JSON.parse(compactJson(derived)));
    if (difference !== null) report('RECOMPUTE_MISMATCH', round.path, difference);
    auditPrompts(audited, { arena, tokenizer }, ports, report);
    auditCopies(audited, report);
  } catch (error) {
    report('RECOMPUTE_MISMATCH', round.path, `cannot be judged again: ${messageOf(error)}`);
  }
}

/** The seed that a void names must be its plan's: the next plan is measured by it. */
export function auditVoid(
  ledger: Pick<Ledger, 'records'>,
  plan: LedgerRecord<'plan'>,
  { path, predicate: { seed, pulse } }: LedgerRecord<'void'>,
  report: ReportFault,
): void {
  const fault = seed === null ? null : drawFault(ledger, plan, { seed, pulse });
  if (fault) report(fault.code, path, fault.message);
}

/** The prompts, drawn again; where the corpus is not at hand that is said, and no fault. */
function auditPrompts(
  { plan, round }: RoundAudit,
  { arena, tokenizer }: { readonly arena: Arena; readonly tokenizer: Tokenizer },
  { corpusOf, log }: RoundAuditPorts,
  report: ReportFault,
): void {
  const corpus = corpusOf(arena.corpus);
  if (!corpus) {
    log.warn(
      `${round.path}: the corpus ${plan.predicate.corpus} is not at hand, its prompts are not drawn again`,
    );
    return;
  }
  const { seed, promptSuites } = round.predicate;
  for (const { shard, boot, sha256 } of promptSuites)
    if (suiteHash(bootSuite(arena, { corpus, tokenizer }, seed, { shard, boot })) !== sha256)
      report(
        'RECOMPUTE_MISMATCH',
        round.path,
        `the prompts of shard ${shard}, boot ${boot} are not those of its seed`,
      );
}

/** The evidence that the round's record lists, as far as it can be read. */
function readFiles(
  audited: RoundAudit,
  { readEvidence }: RoundAuditPorts,
  report: ReportFault,
): RoundEvidence {
  const folder = folderOf(audited);
  const read: { traces: [string, Trace][]; bodies: [string, BootBodies][] } = {
    traces: [],
    bodies: [],
  };
  for (const path of Object.keys(audited.round.predicate.files)) {
    const bytes = audited.ledger.files.get(`${folder}${path}`);
    if (!bytes) continue;
    try {
      const { traces, bodies } = readEvidence(new Map([[path, bytes]]));
      read.traces.push(...traces);
      read.bodies.push(...bodies);
    } catch (error) {
      report('MERKLE_MISMATCH', `${folder}${path}`, messageOf(error));
    }
  }
  return { traces: new Map(read.traces), bodies: new Map(read.bodies) };
}

/** Every image that a round's copies are looked for among. */
type Rivals = {
  readonly entered: readonly string[];
  readonly known: readonly KnownImage[];
  readonly containment: number;
};
/** A shard, and the images that its machine saw. */
type ShardImages = { readonly shard: number; readonly seen: ReadonlyMap<string, Fingerprint> };

/**
 * Checks every verdict of copying by content, and that nothing was missed: an image against all
 * that this ledger had seen with an earlier commit, in earlier rounds (where it was worth something
 * once) and in the same, as the machine of its shard saw them.
 */
function auditCopies(audited: RoundAudit, report: ReportFault): void {
  const { ledger, plan, round, readPrint } = audited;
  const entered = measuredKeys(plan.predicate);
  const rivals = {
    entered,
    known: knownImages(ledger, readPrint, plan.predicate.block.number, entered),
    containment: arenaSchema.parse(plan.predicate.arena).copyContainment,
  };
  const copies = new Set<string>();
  for (const { index: shard, entries } of round.predicate.shards) {
    const images = { shard, seen: seenImages(audited, { shard, entered }, report) };
    for (const key of entries)
      if (auditImage(audited, { key, ...images, ...rivals }, report)) copies.add(key);
  }
  for (const entry of round.predicate.entries)
    if (entry.verdict === 'E_COPY' && hasReason(entry, 'copy') && !copies.has(entry.key))
      report(
        'RECOMPUTE_MISMATCH',
        round.path,
        `${entry.key} is called a copy, and its content is of no earlier image`,
      );
}

/** The fingerprints that a shard's machine took of its images, as far as the plan lists them. */
function seenImages(
  audited: RoundAudit,
  { shard, entered }: { readonly shard: number; readonly entered: readonly string[] },
  report: ReportFault,
): Map<string, Fingerprint> {
  const { plan, ledger, readPrint } = audited;
  const seen = new Map<string, Fingerprint>();
  for (const [path, bytes] of ledger.files) {
    if (!path.startsWith(`${folderOf(audited)}images/${shard}/`)) continue;
    const print = readPrint(path, bytes);
    const planned = plan.predicate.submissions.find(({ key }) => key === print?.key);
    const listed =
      print !== null &&
      entered.includes(print.key) &&
      print.digest === planned?.digest &&
      print.hotkey === planned.hotkey &&
      print.commitBlock === planned.commitBlock;
    if (listed) seen.set(print.key, print);
    else if (print)
      report('RECOMPUTE_MISMATCH', path, 'the fingerprint of another image than the plan lists');
    else report('MERKLE_MISMATCH', path, 'no fingerprint of the image that its path names');
  }
  return seen;
}

/** Whether an entry's image is a copy; tells where the round says otherwise. */
function auditImage(
  audited: RoundAudit,
  {
    key,
    shard,
    seen,
    entered,
    known,
    containment,
  }: { readonly key: string } & ShardImages & Rivals,
  report: ReportFault,
): boolean {
  const { round } = audited;
  const valid = round.predicate.entries.find((entry) => entry.key === key)?.verdict === 'VALID';
  const own = seen.get(key) ?? known.find(({ print }) => print.key === key)?.print;
  if (!own) {
    // Only a machine that runs images has fingerprints of them.
    const hosts: Partial<Record<string, Record<string, unknown>>> = round.predicate.hosts ?? {};
    if (valid && hosts[shard]?.['probes'] !== undefined)
      report(
        'OMISSION',
        `${folderOf(audited)}${fingerprintPath(shard, key)}`,
        `${key} was measured, and nothing says what is in its image`,
      );
    return false;
  }
  const rivals = isDecided(own, known) ? [] : rivalsOf(key, entered, seen, known);
  const copied = copyOf(own, rivals, containment);
  if (copied && valid)
    report('RECOMPUTE_MISMATCH', round.path, `${key} is a copy of ${copied.of}, by ${copied.by}`);
  return copied !== null;
}
