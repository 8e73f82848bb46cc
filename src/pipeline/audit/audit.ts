// Audits ledgers: runs every check on every ledger, and reports what passed, failed and went unchecked.
import { fingerprintReader, type ReadFingerprint } from '../../arena/known-images.ts';
import { messageOf } from '../../core/errors.ts';
import { drawnPlan } from '../../judge/drawn-plan.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { endOf } from '../../ledger/plans.ts';
import { type Ledger, type LedgerFiles, readLedger, recordsOf } from '../../ledger/read.ts';
import type { FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import { ANCHOR_CHECKS, ANCHORED_CHECKS } from './audit-anchor.ts';
import { ARENA } from './audit-arena.ts';
import { LEDGERS_CHECKS, ONCE_CHECKS } from './audit-once.ts';
import { NOW_CHECKS, SEALED_CHECKS } from './audit-now.ts';
import { STRAYS, WITNESS } from './audit-witness.ts';
import { type LedgerSummary, summaryOf } from './ledger-summary.ts';
import { PLAN_CHECKS } from './audit-plan.ts';
import { EVIDENCE_READ, openEvidence, ROUND_CHECKS, VOID_CHECKS } from './audit-round.ts';
import { READBACK_CHECKS, SETTLED_CHECKS, WEIGHTS_CHECKS } from './audit-weights.ts';
import {
  type Check,
  CheckBook,
  type CheckName,
  type CheckReport,
  type ReportedFault,
  type Unchecked,
} from './check.ts';
import { READ_CHECKS } from './read-checks.ts';
import type { AuditPorts, LedgerSubject, PlanSubject } from './subjects.ts';

export type { AuditPorts } from './subjects.ts';

/** What `audit --json` prints. `path` is relative to the results folder. */
export type AuditReport = {
  /** No fault; with a chain also nothing that it could not tell. */
  readonly ok: boolean;
  /** Nothing that was asked went unchecked. */
  readonly complete: boolean;
  readonly records: number;
  readonly evaluations: number;
  readonly ledgers: readonly LedgerSummary[];
  readonly checks: readonly CheckReport[];
  readonly faults: readonly ReportedFault[];
  readonly unchecked: readonly Unchecked[];
};

const LEDGER_CHECKS: readonly Check<LedgerSubject>[] = [
  ...ANCHORED_CHECKS,
  ...ONCE_CHECKS,
  ...SETTLED_CHECKS,
  ...NOW_CHECKS,
];
const ACROSS = [...LEDGERS_CHECKS, STRAYS, WITNESS];
/** Every check by name, in the order of a report. */
export const CHECKS: readonly CheckName[] = [
  ...READ_CHECKS,
  EVIDENCE_READ,
  ARENA,
  ...PLAN_CHECKS,
  ...ANCHOR_CHECKS,
  ...ROUND_CHECKS,
  ...VOID_CHECKS,
  ...WEIGHTS_CHECKS,
  ...SEALED_CHECKS,
  ...READBACK_CHECKS,
  ...LEDGER_CHECKS,
  ...ACROSS,
];

/** Faults after which the consequences of a record cannot be derived. */
const HOLES: readonly FaultCode[] = ['SCHEMA', 'UNSUPPORTED', 'CHAIN_GAP', 'OMISSION'];

/** Checks of what follows from earlier records. */
const FOLLOWING: readonly CheckName[] = [
  ...PLAN_CHECKS,
  ...ANCHOR_CHECKS,
  ...WEIGHTS_CHECKS,
  ...SEALED_CHECKS,
  ...READBACK_CHECKS,
  ...LEDGER_CHECKS,
];

/** One ledger under audit. */
class LedgerAudit {
  readonly #subject: LedgerSubject;
  readonly #book: CheckBook;
  readonly #readPrint: ReadFingerprint;
  evaluations = 0;

  constructor(subject: LedgerSubject, book: CheckBook) {
    this.#subject = subject;
    this.#book = book;
    this.#readPrint = fingerprintReader(subject.ports.unpackText);
  }

  async run(): Promise<void> {
    const { ledger } = this.#subject;
    for (const { check, code, path, message } of ledger.faults)
      this.#book.notes({ name: check }, this.#at(path)).fault(code, path, message);
    for (const plan of recordsOf(ledger, 'plan')) await this.#plan(plan);
    if (this.#holed) {
      // Their faults would only bury the cause.
      this.#skip(FOLLOWING);
      return;
    }
    for (const record of recordsOf(ledger, 'anchor'))
      await this.#all(ANCHOR_CHECKS, { ...this.#subject, record }, record.path);
    const weights = [...recordsOf(ledger, 'weights-intent'), ...recordsOf(ledger, 'weights')];
    for (const record of weights)
      await this.#all(
        [...WEIGHTS_CHECKS, ...SEALED_CHECKS],
        { ...this.#subject, record },
        record.path,
      );
    for (const record of recordsOf(ledger, 'weights-readback'))
      await this.#all(READBACK_CHECKS, { ...this.#subject, record }, record.path);
    await this.#all(LEDGER_CHECKS, this.#subject, '');
  }

  get #holed(): boolean {
    return this.#subject.ledger.faults.some(({ code }) => HOLES.includes(code));
  }

  #at = (path: string) => ({ validator: this.#subject.ledger.validator, path });

  async #all<S>(checks: readonly Check<S>[], subject: S, path: string): Promise<void> {
    for (const check of checks) await this.#book.run(check, subject, this.#at(path));
  }

  #skip(checks: readonly CheckName[]): void {
    const { ports } = this.#subject;
    for (const check of checks)
      if (check.needs !== 'chain' || ports.chain)
        this.#book.notes(check, this.#at('')).unchecked('', 'the ledger has holes');
  }

  /** A plan, and the round or the void that it ended in. */
  async #plan(plan: LedgerRecord<'plan'>): Promise<void> {
    const { ledger } = this.#subject;
    const arena = this.#arenaOf(plan);
    if (!arena) return;
    const before = {
      records: ledger.records.filter((item) => item.predicate.seq < plan.predicate.seq),
    };
    const subject = { ...this.#subject, plan, arena, before };
    await this.#all([ARENA], subject, plan.path);
    if (!this.#holed) await this.#all(PLAN_CHECKS, subject, plan.path);
    const end = endOf(ledger, plan);
    if (end?.kind === 'void')
      await this.#all(VOID_CHECKS, { ...this.#subject, plan, end }, end.path);
    if (end?.kind === 'round') await this.#round(subject, end);
  }

  #arenaOf(plan: LedgerRecord<'plan'>): Arena | null {
    try {
      return parseArena(plan.predicate.arena, 'predicate.arena');
    } catch (error) {
      this.#book.notes(ARENA, this.#at(plan.path)).fault('SCHEMA', plan.path, messageOf(error));
      return null;
    }
  }

  async #round(subject: PlanSubject, round: LedgerRecord<'round'>): Promise<void> {
    const { number } = round.predicate.block;
    const { log } = subject.ports;
    log.info(`judging round ${number} again`);
    const rounds = recordsOf(subject.ledger, 'round');
    const done = rounds.findIndex(({ path }) => path === round.path);
    log.progress({ what: 'rounds judged', done, total: rounds.length });
    this.evaluations += round.predicate.entries.filter(({ boots }) => boots.length > 0).length;
    const notes = this.#book.notes(EVIDENCE_READ, this.#at(round.path));
    const evidence = openEvidence(subject, round, notes);
    const drawn = drawnPlan(subject.plan, round.predicate.seed);
    const whole = { ...subject, round, evidence, drawn, readPrint: this.#readPrint };
    await this.#all(ROUND_CHECKS, whole, round.path);
    log.progress({ what: 'rounds judged', done: done + 1, total: rounds.length });
  }
}

/**
 * Runs every check on every ledger (RULES "What an audit derives"), and names what is wrong by
 * check, reason class and path. Needs nothing but the files and this code; with a chain it also
 * checks what was read from and written to it. No ledger makes it throw, or hides another one.
 * Throws `EMPTY_LEDGER` where there is nothing at all.
 */
export async function audit(
  ledgers: ReadonlyMap<string, LedgerFiles>,
  ports: AuditPorts,
): Promise<AuditReport> {
  if (![...ledgers.values()].some((files) => files.size > 0))
    throw new LedgerError(
      'EMPTY_LEDGER',
      'usage',
      'there is no ledger to audit',
      'git fetch origin ledger:ledger brings the branch into a clone; else name a folder that holds one folder per validator',
    );
  const book = new CheckBook(ports.chain);
  const read: Ledger[] = [];
  let evaluations = 0;
  for (const [validator, files] of ledgers) {
    const ledger = readLedger(validator, files);
    read.push(ledger);
    const one = new LedgerAudit({ ledger, ports }, book);
    try {
      await one.run();
    } catch (error) {
      // Whatever a dishonest ledger holds, it must not hide the others.
      const place = { validator, path: '' };
      const what = `the ledger cannot be audited: ${messageOf(error)}`;
      book.notes(READ_CHECKS[0]!, place).fault('SCHEMA', '', what);
    }
    evaluations += one.evaluations;
  }
  const { strays = [], witness = null } = ports;
  const all = { ledgers: read, strays, witness };
  if (!witness) book.notAsked(WITNESS);
  for (const check of ACROSS) await book.run(check, all, { validator: '', path: '' });
  const summed = { evaluations, ledgers: read.map(summaryOf) };
  return reportOf(book, { records: read.flatMap(({ records }) => records).length, ...summed });
}

function reportOf(
  book: CheckBook,
  counts: Pick<AuditReport, 'records' | 'evaluations' | 'ledgers'>,
): AuditReport {
  const checks = book.states(CHECKS);
  const { faults, unchecked } = book;
  const asked = new Map(CHECKS.map(({ name, needs }) => [name, needs]));
  const chainTold = !unchecked.some(({ check }) => asked.get(check) === 'chain');
  const ok = faults.length === 0 && chainTold;
  return { ok, complete: unchecked.length === 0, ...counts, checks, faults, unchecked };
}
