// Checks over a ledger's records in order: one chain, time that never goes back, one end each plan.
import { lastBlockOf } from './plans.ts';
import { folderOf, LEDGER_EVIDENCE_PATH } from '../schema/paths.ts';
import { recordsOf } from './records-of.ts';
import type { AnyRecord, FaultCode } from './verify.ts';

/** Takes note of a fault: its class, the path it concerns, and a sentence. */
export type NoteFault = (code: FaultCode, path: string, message: string) => void;

/** The first record: number 0, and nothing before it. */
function checkFirst(record: AnyRecord, fault: NoteFault): void {
  const { seq, prev } = record.predicate;
  if (seq !== 0)
    fault(
      'CHAIN_GAP',
      record.path,
      `the first record has seq ${seq}: ${seq} records are missing before it`,
    );
  else if (prev !== null) fault('REWRITE', record.path, 'the first record names a previous one');
}

/** Two records with one number: a copy, or two histories of one validator. */
function checkTwins(record: AnyRecord, before: AnyRecord, fault: NoteFault): void {
  if (record.sha256 === before.sha256) fault('REPLAY', record.path, `a copy of ${before.path}`);
  else
    fault(
      'EQUIVOCATION',
      record.path,
      `seq ${record.predicate.seq} stands also in ${before.path}: ${before.sha256} and ${record.sha256}`,
    );
}

/** A record follows the one before it by number and by hash. */
function checkLink(record: AnyRecord, before: AnyRecord, fault: NoteFault): void {
  const { seq, prev } = record.predicate;
  const last = before.predicate.seq;
  if (seq === last) checkTwins(record, before, fault);
  else if (seq !== last + 1)
    fault(
      'CHAIN_GAP',
      record.path,
      `seq ${seq} follows ${last}: ${seq - last - 1} records are missing`,
    );
  else if (prev !== before.sha256)
    fault(
      'REWRITE',
      record.path,
      `names ${prev ?? 'nothing'} as the previous record, ${before.path} is ${before.sha256}`,
    );
}

/** Every record names the one before it, and all one chain and subnet (RULES "Chain of records"). */
export function checkChain(records: readonly AnyRecord[], fault: NoteFault): void {
  const first = records[0]?.predicate.network;
  for (const [index, record] of records.entries()) {
    const { network } = record.predicate;
    if (network.genesisHash !== first!.genesisHash || network.netuid !== first!.netuid)
      fault('WRONG_CONTEXT', record.path, 'another chain or subnet than the first record');
    const before = records[index - 1];
    if (before) checkLink(record, before, fault);
    else checkFirst(record, fault);
  }
}

/**
 * Plans and intents are made at a fresh head, so their blocks never go back; rounds, voids and
 * outcomes carry the block of what they end.
 */
export function checkTime(records: readonly AnyRecord[], fault: NoteFault): void {
  let latest = 0;
  for (const { kind, path, predicate } of records) {
    if (kind !== 'plan' && kind !== 'weights-intent') continue;
    if (predicate.block.number < latest)
      fault('TIME', path, `block ${predicate.block.number} after block ${latest}`);
    latest = Math.max(latest, predicate.block.number);
  }
}

/** Every plan ends once, in a round or a void of its own (RULES "One end for each plan"). */
export function checkEnds(
  records: readonly AnyRecord[],
  paths: readonly string[],
  overdueIsFault: boolean,
  fault: NoteFault,
): void {
  const last = records.at(-1)?.predicate.block.number ?? 0;
  const plans = recordsOf({ records }, 'plan');
  const allEnds = [...recordsOf({ records }, 'round'), ...recordsOf({ records }, 'void')];
  for (const plan of plans) {
    const { seq, block } = plan.predicate;
    const folder = folderOf(plan.path);
    const ends = allEnds.filter((record) => record.path.startsWith(folder));
    const evidence = paths.some(
      (path) => path.startsWith(folder) && LEDGER_EVIDENCE_PATH.test(path),
    );
    const later = plans.some((other) => other.predicate.seq > seq);
    const overdue = overdueIsFault && last > lastBlockOf({ records }, plan);
    if (ends.length === 0 && (evidence || later || overdue))
      fault(
        'OMISSION',
        `${folder}round.json`,
        `the plan of block ${block.number} ended in no round and no void`,
      );
    if (ends.length > 1)
      fault(
        'EQUIVOCATION',
        `${folder}void.json`,
        'a plan ends in a round or in a void, not in both',
      );
    // Of two open plans the one with the worse seed could be dropped.
    const next = plans.find((other) => other.predicate.seq > seq);
    for (const end of ends)
      if (next && end.predicate.seq > next.predicate.seq)
        fault(
          'EQUIVOCATION',
          next.path,
          `the plan of block ${block.number} had not ended: two plans were open at once`,
        );
    for (const end of ends)
      if (end.predicate.plan !== plan.sha256)
        fault('REWRITE', end.path, `belongs to a plan ${end.predicate.plan}, not to this one`);
  }
}
