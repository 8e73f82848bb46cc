// Checks of a round: its context, its draw, judged again from its traces, and its copies.
import { knownImages, measuredKeys } from '../../arena/known-images.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { messageOf } from '../../core/errors.ts';
import { copyOf } from '../../images/copies.ts';
import { isDecided, type KnownImage, rivalsOf } from '../../images/rivals.ts';
import type { RoundEvidence } from '../../judge/drawn-plan.ts';
import { derivedPart, judgeRound } from '../../judge/round.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { suiteHash } from '../../prompts/sampler.ts';
import { bootSuite } from '../../prompts/suites.ts';
import type { BootBodies } from '../../schema/boot-bodies.ts';
import type { Fingerprint } from '../../schema/fingerprint.ts';
import { fingerprintPath, folderOf } from '../../schema/paths.ts';
import { hasReason } from '../../schema/reasons.ts';
import type { Trace } from '../../schema/trace.ts';
import { drawFault } from '../draw/verify-draw.ts';
import type { Check, CheckName, Notes } from './check.ts';
import { EVIDENCE_CHECKS } from './audit-evidence.ts';
import { IMAGE_DOCUMENTS, ranImages } from './audit-images.ts';
import type { LedgerSubject, RoundSubject } from './subjects.ts';

/** A round or a void carries its plan's context, and was made by the code that planned it (A9). */
function checkContext({ plan, round }: RoundSubject, { fault }: Notes): void {
  const { network, validator, block, harness } = plan.predicate;
  const own = round.predicate;
  const wanted = { network, validator, block, subject: plan.subject };
  const found = {
    network: own.network,
    validator: own.validator,
    block: own.block,
    subject: round.subject,
  };
  const difference = firstDifference(found, wanted, 'context');
  if (difference !== null) fault('WRONG_CONTEXT', round.path, difference);
  for (const part of ['tree', 'rules'] as const)
    if (own.harness[part] !== harness[part])
      fault(
        'UNTRUSTED_HARNESS',
        round.path,
        `its ${part} is ${own.harness[part]}, that of its plan ${harness[part]}`,
      );
}

/** The seed of a round follows from its plan, its anchor and its pulse. */
function checkDraw({ ledger, plan, round }: RoundSubject, { fault }: Notes): void {
  const wrong = drawFault(ledger, plan, round.predicate);
  if (wrong) fault(wrong.code, round.path, wrong.message);
}

/** Verdicts, scores, decisions and standing, judged again (RULES "Audit of a round"). */
function checkJudged({ round, drawn, evidence, arena, ports }: RoundSubject, { fault }: Notes) {
  const derived = judgeRound(drawn, evidence, ports.tokenizerOf(arena.tokenizer));
  const recorded = derivedPart(round.predicate);
  const difference = firstDifference(recorded, JSON.parse(compactJson(derived)));
  if (difference !== null) fault('RECOMPUTE_MISMATCH', round.path, difference);
}

/** The prompts, drawn again; without the corpus that is unchecked. */
function checkPrompts({ plan, round, arena, ports }: RoundSubject, notes: Notes): void {
  const corpus = ports.corpusOf(arena.corpus);
  if (!corpus) {
    notes.unchecked(
      round.path,
      `the corpus ${plan.predicate.corpus} is not at hand (--corpus): its prompts are not drawn again`,
    );
    return;
  }
  if (plan.predicate.corpus !== corpus.id)
    notes.fault('RECOMPUTE_MISMATCH', plan.path, `its corpus is ${corpus.id}`);
  const tokenizer = ports.tokenizerOf(arena.tokenizer);
  const { seed, promptSuites } = round.predicate;
  for (const { shard, boot, sha256 } of promptSuites)
    if (suiteHash(bootSuite(arena, { corpus, tokenizer }, seed, { shard, boot })) !== sha256)
      notes.fault(
        'RECOMPUTE_MISMATCH',
        round.path,
        `the prompts of shard ${shard}, boot ${boot} are not those of its seed`,
      );
}

/** The evidence that a round's record lists, as far as it can be read; the rest is named. */
export function openEvidence(
  { ledger, ports }: LedgerSubject,
  round: LedgerRecord<'round'>,
  { fault }: Notes,
): RoundEvidence {
  const folder = folderOf(round.path);
  const traces = new Map<string, Trace>();
  const bodies = new Map<string, BootBodies>();
  for (const path of Object.keys(round.predicate.files)) {
    const bytes = ledger.files.get(`${folder}${path}`);
    if (!bytes) continue;
    try {
      const read = ports.readEvidence(new Map([[path, bytes]]));
      for (const [name, trace] of read.traces) traces.set(name, trace);
      for (const [name, body] of read.bodies) bodies.set(name, body);
    } catch (error) {
      fault('MERKLE_MISMATCH', `${folder}${path}`, messageOf(error));
    }
  }
  return { traces, bodies };
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
function checkCopies(audited: RoundSubject, notes: Notes): void {
  const { ledger, plan, round, arena, readPrint } = audited;
  const entered = measuredKeys(plan.predicate);
  const known = knownImages(ledger, readPrint, plan.predicate.block.number, entered);
  const rivals = { entered, known, containment: arena.copyContainment };
  const copies = new Set<string>();
  for (const { index: shard, entries } of round.predicate.shards) {
    const images = { shard, seen: seenImages(audited, { shard, entered }, notes) };
    for (const key of entries)
      if (checkImage(audited, { key, ...images, ...rivals }, notes)) copies.add(key);
  }
  for (const entry of round.predicate.entries)
    if (entry.verdict === 'E_COPY' && hasReason(entry, 'copy') && !copies.has(entry.key))
      notes.fault(
        'RECOMPUTE_MISMATCH',
        round.path,
        `${entry.key} is called a copy, and its content is of no earlier image`,
      );
}

/** The fingerprints that a shard's machine took of its images, as far as the plan lists them. */
function seenImages(
  audited: RoundSubject,
  { shard, entered }: { readonly shard: number; readonly entered: readonly string[] },
  { fault }: Notes,
): Map<string, Fingerprint> {
  const { plan, ledger, readPrint } = audited;
  const seen = new Map<string, Fingerprint>();
  for (const [path, bytes] of ledger.files) {
    if (!path.startsWith(`${folderOf(audited.round.path)}images/${shard}/`)) continue;
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
      fault('RECOMPUTE_MISMATCH', path, 'the fingerprint of another image than the plan lists');
    else fault('MERKLE_MISMATCH', path, 'no fingerprint of the image that its path names');
  }
  return seen;
}

/** Whether an entry's image is a copy; tells where the round says otherwise. */
function checkImage(
  audited: RoundSubject,
  {
    key,
    shard,
    seen,
    entered,
    known,
    containment,
  }: { readonly key: string } & ShardImages & Rivals,
  { fault }: Notes,
): boolean {
  const { round } = audited;
  const valid = round.predicate.entries.find((entry) => entry.key === key)?.verdict === 'VALID';
  const own = seen.get(key) ?? known.find(({ print }) => print.key === key)?.print;
  if (!own) {
    if (valid && ranImages(audited, shard))
      fault(
        'OMISSION',
        `${folderOf(audited.round.path)}${fingerprintPath(shard, key)}`,
        `${key} was measured, and nothing says what is in its image`,
      );
    return false;
  }
  const rivals = isDecided(own, known) ? [] : rivalsOf(key, entered, seen, known);
  const copied = copyOf(own, rivals, containment);
  if (copied && valid)
    fault('RECOMPUTE_MISMATCH', round.path, `${key} is a copy of ${copied.of}, by ${copied.by}`);
  return copied !== null;
}

/** Every check of a round. */
export const ROUND_CHECKS: readonly Check<RoundSubject>[] = [
  { name: 'round-context', needs: 'ledger', rule: 'Round record', run: checkContext },
  { name: 'draws', needs: 'ledger', rule: 'Seed', run: checkDraw },
  { name: 'judged-again', needs: 'ledger', rule: 'Audit of a round', run: checkJudged },
  { name: 'prompts', needs: 'ledger', rule: 'Prompts from a seed', run: checkPrompts },
  { name: 'copies', needs: 'ledger', rule: 'Copies: decided once', run: checkCopies },
  IMAGE_DOCUMENTS,
  ...EVIDENCE_CHECKS,
];
/** The check of reading a round's evidence, which comes before all others. */
export const EVIDENCE_READ: CheckName = {
  ...{ name: 'evidence', needs: 'record', rule: 'A cut or edited trace' },
};

/** A void, with its plan. */
export type VoidSubject = LedgerSubject & {
  readonly plan: LedgerRecord<'plan'>;
  readonly end: LedgerRecord<'void'>;
};
/** The seed that a void names must be its plan's: the next plan is measured by it. */
export const VOID_CHECKS: readonly Check<VoidSubject>[] = [
  {
    ...{ name: 'voids', needs: 'ledger', rule: 'Voids' },
    run: ({ ledger, plan, end: { path, predicate } }, { fault }) => {
      const { seed, pulse, network, validator, block } = predicate;
      const wrong = seed === null ? null : drawFault(ledger, plan, { seed, pulse });
      if (wrong) fault(wrong.code, path, wrong.message);
      const own = plan.predicate;
      const wanted = { network: own.network, validator: own.validator, block: own.block };
      const difference = firstDifference({ network, validator, block }, wanted, 'context');
      if (difference !== null) fault('WRONG_CONTEXT', path, difference);
    },
  },
];
