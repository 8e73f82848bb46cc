// Audits ledgers: derives every verdict, score, ranking and weight again and names each fault.
import { dealShards } from '../../arena/deal.ts';
import { historyOf } from '../../arena/history.ts';
import { fingerprintReader, knownImages, type ReadFingerprint } from '../../arena/known-images.ts';
import { afterDeregistration } from '../../arena/ranking.ts';
import type { ChainReader } from '../../chain/chain.ts';
import { fromHex } from '../../core/bytes.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { copyOf } from '../../images/copies.ts';
import { rivalsOf } from '../../images/rivals.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import { suiteHash } from '../../prompts/sampler.ts';
import { bootSuite } from '../../prompts/suites.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { type Ledger, type LedgerFiles, readLedger, recordsOf } from '../../ledger/read.ts';
import type { FaultCode, LedgerFault, LedgerRecord } from '../../ledger/verify.ts';
import { type Arena, arenaSchema } from '../../schema/arena.ts';
import type { Fingerprint } from '../../schema/fingerprint.ts';
import { fingerprintPath } from '../../schema/paths.ts';
import type { Trace } from '../../schema/trace.ts';
import { auditAnchor, auditReadback, auditWeights, type ReportFault } from './audit-weights.ts';
import { judgeRound } from '../../judge/round.ts';
import { lookUpPayments, planContent, readCommitments } from '../scan.ts';

/**
 * Readers that an audit needs: the code's tokenizers and corpora, and a way to unpack traces. Null
 * where one is not at hand.
 */
export type AuditPorts = {
  readonly tokenizerOf: (source: Arena['tokenizer']) => Tokenizer;
  readonly corpusOf: (source: Arena['corpus']) => Corpus | null;
  /** Text of a gzipped file; null where it is none. */
  readonly unpackText: (bytes: Uint8Array) => string | null;
  readonly unpack: (bytes: Uint8Array, name: string) => Trace;
  readonly chain: ChainReader | null;
  readonly log: Log;
};

/** What `audit --json` prints. `path` is relative to the results folder. */
export type AuditReport = {
  ok: boolean;
  records: number;
  evaluations: number;
  faults: { code: FaultCode; path: string; message: string }[];
};

/**
 * Derives every verdict, score, ranking and weight of every ledger again, and names what is wrong
 * by reason class and path. Needs nothing but the files and this code; with a chain it also checks
 * what was read from and written to it. Never throws for a bad ledger.
 */
export async function audit(
  ledgers: ReadonlyMap<string, LedgerFiles>,
  ports: AuditPorts,
): Promise<AuditReport> {
  const faults: LedgerFault[] = [];
  let records = 0;
  let evaluations = 0;
  if (![...ledgers.values()].some((files) => files.size > 0))
    throw new LedgerError(
      'EMPTY_LEDGER',
      'usage',
      'there is no ledger to audit',
      'name a results folder with --results: it holds one folder per validator',
    );
  const readPrint = fingerprintReader(ports.unpackText);
  for (const [validator, files] of ledgers) {
    const ledger = readLedger(validator, files);
    records += ledger.records.length;
    faults.push(
      ...ledger.faults.map((fault) => ({ ...fault, path: `${validator}/${fault.path}` })),
    );
    // Where a record is gone or unreadable, the audit does not derive its consequences: their
    // faults would only bury the cause.
    const whole = !ledger.faults.some(
      ({ code }) =>
        code === 'SCHEMA' || code === 'UNSUPPORTED' || code === 'CHAIN_GAP' || code === 'OMISSION',
    );
    const report = (code: FaultCode, path: string, message: string): void =>
      void faults.push({ code, path: `${validator}/${path}`, message });
    for (const plan of recordsOf(ledger, 'plan')) {
      const before = {
        records: ledger.records.filter((record) => record.predicate.seq < plan.predicate.seq),
      };
      try {
        await auditPlan(plan, whole ? before : null, ports, report);
      } catch (error) {
        report('RECOMPUTE_MISMATCH', plan.path, `cannot be derived: ${messageOf(error)}`);
      }
      const round = recordsOf(ledger, 'round').find((item) => item.predicate.plan === plan.sha256);
      if (!round) continue;
      ports.log.info(`judging round ${plan.predicate.block.number} again`);
      evaluations += round.predicate.entries.filter((entry) => entry.boots.length > 0).length;
      auditRound({ ledger, plan, round, files, readPrint }, ports, report);
    }
    for (const weights of [...recordsOf(ledger, 'weights-intent'), ...recordsOf(ledger, 'weights')])
      if (whole) await auditWeights(weights, ledger.records, ports, report);
    for (const readback of recordsOf(ledger, 'weights-readback'))
      if (whole) await auditReadback(readback, ledger.records, ports, report);
    if (ports.chain) await auditAnchor(ledger, ports.chain, ports.log, report);
  }
  return { ok: faults.length === 0, records, evaluations, faults };
}

type Records = Pick<Ledger, 'records'>;

/** What a plan says of the past must be what the earlier records say. */
function auditHistory(
  { path, predicate }: LedgerRecord<'plan'>,
  before: Records,
  derive: (what: string, recorded: unknown, derived: unknown) => void,
  report: ReportFault,
): void {
  const history = historyOf(before);
  // Offline an audit cannot tell which hotkeys are still registered, but only these outcomes are
  // possible.
  const { winner, runnerUp } = history.standing;
  const outcomes = [true, false].flatMap((first) =>
    [true, false].map((second) =>
      afterDeregistration(history.standing, (place) =>
        place.key === winner?.key ? first : second,
      ),
    ),
  );
  if (!outcomes.some((outcome) => compactJson(outcome) === compactJson(predicate.standing)))
    report(
      'RECOMPUTE_MISMATCH',
      path,
      `standing is not what round ${winner?.key ?? runnerUp?.key ?? 'none'} left`,
    );
  for (const [role, place] of [
    ['winner', predicate.standing.winner],
    ['runner-up', predicate.standing.runnerUp],
  ] as const) {
    const listed =
      place && predicate.submissions.find((submission) => submission.key === place.key);
    if (
      place &&
      (listed?.role !== role ||
        listed.status !== 'evaluate' ||
        listed.image !== place.image ||
        listed.digest !== place.digest)
    )
      report(
        'RECOMPUTE_MISMATCH',
        path,
        `the ${role} ${place.key} is not listed for evaluation as it stands`,
      );
  }
  const known = new Set(
    [history.standing.winner?.key, history.standing.runnerUp?.key].filter(
      (key) => key !== undefined,
    ),
  );
  for (const submission of predicate.submissions) {
    const judged = history.judged.get(submission.key);
    if (submission.role !== null && submission.role !== 'challenger' && !known.has(submission.key))
      report('RECOMPUTE_MISMATCH', path, `${submission.key} is no standing ${submission.role}`);
    if (submission.status === 'judged' && judged?.verdict !== submission.verdict)
      report(
        'RECOMPUTE_MISMATCH',
        path,
        `${submission.key} was never judged ${submission.verdict ?? 'at all'}`,
      );
    if (submission.status === 'evaluate')
      derive(
        `${submission.key} goneSince`,
        submission.goneSince ?? null,
        history.gone.get(submission.key) ?? null,
      );
    if (submission.status === 'evaluate')
      derive(
        `${submission.key} history`,
        submission.history,
        submission.digest === null ? null : (history.images.get(submission.digest) ?? null),
      );
  }
}

async function auditPlan(
  plan: LedgerRecord<'plan'>,
  before: Records | null,
  ports: AuditPorts,
  report: ReportFault,
): Promise<void> {
  const { predicate } = plan;
  const parsed = arenaSchema.safeParse(predicate.arena);
  if (!parsed.success) {
    report(
      'SCHEMA',
      plan.path,
      `predicate.arena.${parsed.error.issues[0]!.path.join('.')}: ${parsed.error.issues[0]!.message}`,
    );
    return;
  }
  const arena = parsed.data;
  const derive = (what: string, recorded: unknown, derived: unknown): void => {
    const difference = firstDifference(recorded, derived, what);
    if (difference !== null) report('RECOMPUTE_MISMATCH', plan.path, difference);
  };
  derive('seed', predicate.seed, predicate.block.hash);
  if (predicate.notAfter !== predicate.block.number + arena.planBlocks)
    report(
      'TIME',
      plan.path,
      `notAfter is ${predicate.notAfter}, not ${arena.planBlocks} blocks after the plan`,
    );
  if (
    predicate.network.netuid !== arena.netuid ||
    (arena.genesisHash !== null && predicate.network.genesisHash !== arena.genesisHash)
  )
    report('WRONG_CONTEXT', plan.path, 'another chain or subnet than its arena');
  derive(
    'shards',
    predicate.shards,
    dealShards(predicate.submissions, arena.shards, fromHex(predicate.seed)!),
  );
  if (before) auditHistory(plan, before, derive, report);
  const corpus = ports.corpusOf(arena.corpus);
  if (corpus) {
    const tokenizer = ports.tokenizerOf(arena.tokenizer);
    derive(
      'promptSuites',
      predicate.promptSuites,
      Array.from({ length: arena.boots }, (_, i) => ({
        boot: i + 1,
        sha256: suiteHash(bootSuite(arena, corpus, tokenizer, predicate.seed, i + 1)),
      })),
    );
  } else
    ports.log.warn(
      `${plan.path}: the corpus ${predicate.corpus} is not at hand, its prompts are not drawn again`,
    );
  const { chain } = ports;
  if (!chain || !before) return;
  const history = historyOf(before);
  try {
    const identity = await chain.identity();
    if (identity.genesisHash !== predicate.network.genesisHash) {
      report(
        'WRONG_CONTEXT',
        plan.path,
        `made for a chain with genesis ${predicate.network.genesisHash}`,
      );
      return;
    }
    if ((await chain.blockHash(predicate.block.number)) !== predicate.block.hash) {
      report(
        'WRONG_CONTEXT',
        plan.path,
        `block ${predicate.block.number} has another hash on the chain`,
      );
      return;
    }
    const snapshot = await chain.snapshot(predicate.network.netuid, predicate.block);
    const own = snapshot.neurons.find(({ hotkey }) => hotkey === predicate.validator);
    if (!own?.validatorPermit)
      report(
        'WRONG_KEY',
        plan.path,
        `${predicate.validator} had no validator permit at block ${predicate.block.number}`,
      );
    const commitments = await readCommitments(chain, predicate.network.netuid, snapshot, history);
    const payments = await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
    const untold =
      [...payments.values()].find(({ state }) => state === 'unknown') ??
      commitments.find(({ content }) => content.kind === 'unknown');
    if (untold) {
      // The audit blames no validator for what this node cannot tell it.
      ports.log.warn(
        `${plan.path}: the chain no longer tells all of block ${predicate.block.number}: use an archive endpoint`,
      );
      return;
    }
    const derived = planContent(arena, { ...snapshot, commitments, payments }, history);
    const missing = derived.submissions.find(
      ({ key }) => !predicate.submissions.some((submission) => submission.key === key),
    );
    if (missing)
      report(
        'OMISSION',
        plan.path,
        `the chain had a submission ${missing.key} that the plan does not list`,
      );
    else
      derive(
        'content',
        {
          submissions: predicate.submissions,
          standing: predicate.standing,
          shards: predicate.shards,
        },
        derived,
      );
  } catch (error) {
    ports.log.warn(
      `${plan.path}: the chain no longer tells about block ${predicate.block.number} (${messageOf(error)}): use an archive endpoint`,
    );
  }
}

type RoundAudit = {
  readonly ledger: Pick<Ledger, 'records'>;
  readonly plan: LedgerRecord<'plan'>;
  readonly round: LedgerRecord<'round'>;
  readonly files: LedgerFiles;
  readonly readPrint: ReadFingerprint;
};

/**
 * Checks every verdict of copying by content, and that nothing was missed: an image against all
 * that this ledger had seen with an earlier commit, in earlier rounds (where it was worth something
 * once) and in the same, as the machine of its shard saw them.
 */
function auditCopies(
  { ledger, plan, round, files, readPrint }: RoundAudit,
  report: ReportFault,
): void {
  const { copyContainment } = arenaSchema.parse(plan.predicate.arena);
  const folder = round.path.replace(/round\.json$/, '');
  const entered = plan.predicate.shards.flatMap(({ entries }) => entries);
  const known = knownImages(ledger, files, readPrint, plan.predicate.block.number, entered);
  const derived = new Set<string>();
  const hosts: Partial<Record<string, Record<string, unknown>>> = round.predicate.hosts ?? {};
  for (const { index: shard, entries } of plan.predicate.shards) {
    const seen = new Map<string, Fingerprint>();
    for (const [path, bytes] of files) {
      if (!path.startsWith(`${folder}images/${shard}/`)) continue;
      const print = readPrint(path, bytes);
      const planned = plan.predicate.submissions.find(({ key }) => key === print?.key);
      if (!print)
        report('MERKLE_MISMATCH', path, 'no fingerprint of the image that its path names');
      else if (
        !entered.includes(print.key) ||
        print.digest !== planned?.digest ||
        print.hotkey !== planned.hotkey ||
        print.commitBlock !== planned.commitBlock
      )
        report('RECOMPUTE_MISMATCH', path, 'the fingerprint of another image than the plan lists');
      else seen.set(print.key, print);
    }
    // Only a machine that runs images has fingerprints of them.
    const contained = hosts[shard]?.['probes'] !== undefined;
    for (const key of entries) {
      const entry = round.predicate.entries.find((item) => item.key === key);
      const own = seen.get(key) ?? known.find(({ print }) => print.key === key)?.print;
      if (!own && contained && entry?.verdict === 'VALID')
        report(
          'OMISSION',
          `${folder}${fingerprintPath(shard, key)}`,
          `${key} was measured, and nothing says what is in its image`,
        );
      const copied = own ? copyOf(own, rivalsOf(key, entered, seen, known), copyContainment) : null;
      if (copied) derived.add(key);
      if (copied && entry?.verdict === 'VALID')
        report(
          'RECOMPUTE_MISMATCH',
          round.path,
          `${key} is a copy of ${copied.of}, by ${copied.by}`,
        );
    }
  }
  for (const { key, verdict, reason } of round.predicate.entries)
    if (verdict === 'E_COPY' && reason.startsWith('copy') && !derived.has(key))
      report(
        'RECOMPUTE_MISMATCH',
        round.path,
        `${key} is called a copy, and its content is of no earlier image`,
      );
}

function auditRound(audited: RoundAudit, ports: AuditPorts, report: ReportFault): void {
  const { plan, round, files } = audited;
  const folder = round.path.replace(/round\.json$/, '');
  const traces = new Map<string, Trace>();
  for (const path of Object.keys(round.predicate.files)) {
    const bytes = files.get(`${folder}${path}`);
    if (!bytes || !path.startsWith('traces/')) continue;
    try {
      traces.set(path, ports.unpack(bytes, path));
    } catch (error) {
      report('MERKLE_MISMATCH', `${folder}${path}`, messageOf(error));
    }
  }
  try {
    const source = arenaSchema.parse(plan.predicate.arena).tokenizer;
    const derived = judgeRound(plan, traces, ports.tokenizerOf(source));
    const { entries, decisions, standing, hosts } = round.predicate;
    const recorded = { entries, decisions, standing, ...(hosts === undefined ? {} : { hosts }) };
    const difference = firstDifference(recorded, JSON.parse(compactJson(derived)));
    if (difference !== null) report('RECOMPUTE_MISMATCH', round.path, difference);
    auditCopies(audited, report);
  } catch (error) {
    report('RECOMPUTE_MISMATCH', round.path, `cannot be judged again: ${messageOf(error)}`);
  }
}
