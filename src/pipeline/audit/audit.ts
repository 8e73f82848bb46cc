// Audits ledgers: derives every verdict, score, ranking and weight again and names each fault.
import { fingerprintReader, type ReadFingerprint } from '../../arena/known-images.ts';
import { messageOf } from '../../core/errors.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { endOf } from '../../ledger/plans.ts';
import { type Ledger, type LedgerFiles, readLedger, recordsOf } from '../../ledger/read.ts';
import type { FaultCode, LedgerFault } from '../../ledger/verify.ts';
import { auditAnchors } from './audit-anchor.ts';
import { auditPlan, type PlanAuditPorts } from './audit-plan.ts';
import { auditRound, auditVoid, type RoundAuditPorts } from './audit-round.ts';
import { auditAnchor, auditReadback, auditWeights, type ReportFault } from './audit-weights.ts';

/**
 * Readers that an audit needs: the code's tokenizers and corpora, and a way to unpack traces. Null
 * where one is not at hand.
 */
export type AuditPorts = PlanAuditPorts &
  RoundAuditPorts & {
    /** Text of a gzipped file; null where it is none. */
    readonly unpackText: (bytes: Uint8Array) => string | null;
  };

/** What `audit --json` prints. `path` is relative to the results folder. */
export type AuditReport = {
  ok: boolean;
  records: number;
  evaluations: number;
  faults: { code: FaultCode; path: string; message: string }[];
};

/** Faults after which the consequences of a record cannot be derived. */
const HOLES: readonly FaultCode[] = ['SCHEMA', 'UNSUPPORTED', 'CHAIN_GAP', 'OMISSION'];

/**
 * Derives every verdict, score, ranking and weight of every ledger again, and names what is wrong
 * by reason class and path. Needs nothing but the files and this code; with a chain it also checks
 * what was read from and written to it. Never throws for a bad ledger.
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
      'fetch the branch `ledger`, or name a folder that holds one folder per validator',
    );
  const faults: LedgerFault[] = [];
  let records = 0;
  let evaluations = 0;
  const readPrint = fingerprintReader(ports.unpackText);
  for (const [validator, files] of ledgers) {
    const report: ReportFault = (code, path, message) =>
      void faults.push({ code, path: `${validator}/${path}`, message });
    const ledger = readLedger(validator, files);
    records += ledger.records.length;
    for (const { code, path, message } of ledger.faults) report(code, path, message);
    try {
      evaluations += await auditRounds({ ledger, readPrint }, ports, report);
      if (isWhole(ledger)) await auditAllWeights(ledger, ports, report);
      if (isWhole(ledger)) await auditAnchors(ledger, ports, report);
      if (ports.chain) await auditAnchor(ledger, ports.chain, ports.log, report);
    } catch (error) {
      // One ledger that breaks the auditor must not hide the others.
      report('SCHEMA', '', `cannot be audited: ${messageOf(error)}`);
    }
  }
  return { ok: faults.length === 0, records, evaluations, faults };
}

/**
 * Where a record is gone or unreadable, the audit does not derive its consequences: their faults
 * would only bury the cause.
 */
const isWhole = (ledger: Ledger): boolean =>
  !ledger.faults.some(({ code }) => HOLES.includes(code));

/** Every plan, and the round that follows it; gives how many evaluations were judged again. */
async function auditRounds(
  read: {
    readonly ledger: Ledger;
    readonly readPrint: ReadFingerprint;
  },
  ports: AuditPorts,
  report: ReportFault,
): Promise<number> {
  const { ledger } = read;
  let evaluations = 0;
  for (const plan of recordsOf(ledger, 'plan')) {
    const before = ledger.records.filter(({ predicate }) => predicate.seq < plan.predicate.seq);
    try {
      await auditPlan(plan, isWhole(ledger) ? { records: before } : null, ports, report);
    } catch (error) {
      report('RECOMPUTE_MISMATCH', plan.path, `cannot be derived: ${messageOf(error)}`);
    }
    const round = endOf(ledger, plan);
    if (round?.kind === 'void') auditVoid(ledger, plan, round, report);
    if (round?.kind !== 'round') continue;
    ports.log.info(`judging round ${plan.predicate.block.number} again`);
    evaluations += round.predicate.entries.filter((entry) => entry.boots.length > 0).length;
    auditRound({ ...read, plan, round }, ports, report);
  }
  return evaluations;
}

async function auditAllWeights(
  ledger: Ledger,
  ports: AuditPorts,
  report: ReportFault,
): Promise<void> {
  for (const weights of [...recordsOf(ledger, 'weights-intent'), ...recordsOf(ledger, 'weights')])
    await auditWeights(weights, ledger.records, ports, report);
  for (const readback of recordsOf(ledger, 'weights-readback'))
    await auditReadback(readback, ledger.records, ports, report);
}
