// Reading and full verification of a validator's ledger, with a list of every fault.
import { fromUtf8 } from '../core/bytes.ts';
import { LEDGER_EVIDENCE_PATH } from '../schema/paths.ts';
import { VerifiedFiles } from './verified-files.ts';
import {
  checkSignature,
  MAX_RECORD_BYTES,
  readRecord,
  type AnyRecord,
  type LedgerFault,
  type LedgerRecord,
} from './verify.ts';
import type { Kind } from '../schema/records.ts';

/** Files of one validator's folder: path under it -> bytes. Reading them is the store's work. */
export type LedgerFiles = ReadonlyMap<string, Uint8Array>;

const RECORD_PATH =
  /^(?:rounds\/(?<round>0|[1-9]\d*)\/(?<part>plan|round|void)|weights\/(?<block>0|[1-9]\d*)(?<step>\.intent|\.readback)?)\.json$/;

/** Stands for a file that is not read: a link, a device, a giant. Compared by identity. */
export const UNREADABLE: Uint8Array = new Uint8Array(0);

/** One validator's verified records in order, and everything that is wrong with the folder. */
export type Ledger = {
  readonly validator: string;
  readonly records: readonly AnyRecord[];
  readonly faults: readonly LedgerFault[];
};

const kindOf = (path: string): Kind | null => {
  const groups = RECORD_PATH.exec(path)?.groups;
  if (!groups) return null;
  if (groups['part'] !== undefined) return groups['part'] as Kind;
  if (groups['step'] === '.intent') return 'weights-intent';
  return groups['step'] === '.readback' ? 'weights-readback' : 'weights';
};
const blockOf = (path: string): number =>
  Number(RECORD_PATH.exec(path)!.groups!['round'] ?? RECORD_PATH.exec(path)!.groups!['block']);

/** Paths of a ledger's folder that may not be there (RULES "Record paths"). */
function checkPaths(files: LedgerFiles, fault: Report): void {
  const lower = new Map<string, string>();
  for (const [path, bytes] of files) {
    const twin = lower.get(path.toLowerCase());
    if (twin !== undefined) fault('PATH', path, `differs from ${twin} in case only`);
    lower.set(path.toLowerCase(), path);
    if (bytes === UNREADABLE)
      fault('PATH', path, 'a link, an oversized file or something else that is no record');
    if (kindOf(path.replace(/\.sig$/, '')) === null && !LEDGER_EVIDENCE_PATH.test(path))
      fault('PATH', path, 'no record and no evidence has such a path');
  }
}

/** How a ledger is read. */
type ReadOptions = {
  /** To an auditor an overdue plan is an omission. */
  readonly overdueIsFault?: boolean;
  /** What was found before about the same bytes. */
  readonly known?: VerifiedFiles;
};
/** One reading of a ledger: what its steps share. */
type Reading = {
  readonly files: LedgerFiles;
  readonly validator: string;
  readonly known: VerifiedFiles;
  readonly fault: Report;
};

/** A record's file, and the record where it could be read. */
type ReadFile = {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly record: AnyRecord | null;
};

function readRecords({ files, validator, known, fault }: Reading): ReadFile[] {
  const read: ReadFile[] = [];
  for (const [path, bytes] of files) {
    const kind = kindOf(path);
    if (kind === null || bytes === UNREADABLE) continue;
    if (bytes.length > MAX_RECORD_BYTES) {
      fault('PATH', path, `larger than ${MAX_RECORD_BYTES} bytes`);
      continue;
    }
    const result = known.record(path, bytes, () => readRecord(path, bytes));
    if ('fault' in result) fault(result.fault.code, result.fault.path, result.fault.message);
    const record = 'record' in result ? result.record : null;
    read.push({ path, bytes, record });
    if (record) checkPlace(record, kind, validator, fault);
  }
  return read;
}

/** Whether a record stands where its kind, block and validator belong. */
function checkPlace(record: AnyRecord, kind: Kind, validator: string, fault: Report): void {
  const { path, predicate } = record;
  const block = predicate.block.number;
  if (record.kind !== kind || block !== blockOf(path))
    fault('REPLAY', path, `a ${record.kind} of block ${block} does not belong here`);
  if (predicate.validator !== validator)
    fault('WRONG_CONTEXT', path, `made by ${predicate.validator}`);
}

/** Every signature, and which of record and signature was changed where one does not fit. */
function checkSignatures(
  read: readonly ReadFile[],
  { files, validator, known, fault }: Reading,
): void {
  // What later records say a file's hash was: tells a changed record from a changed signature.
  const claimed = new Map<number, Set<string>>();
  for (const { record } of read) {
    if (!record) continue;
    const { seq, prev } = record.predicate;
    claimed.set(seq - 1, (claimed.get(seq - 1) ?? new Set()).add(String(prev)));
  }
  for (const { path, bytes, record } of read) {
    const sig = files.get(`${path}.sig`);
    if (!sig) {
      fault('BAD_SIG', path, 'the record has no signature');
      continue;
    }
    const wrong = known.signature(bytes, sig, validator, () =>
      checkSignature(bytes, fromUtf8(sig) ?? '', validator),
    );
    if (!wrong) continue;
    const next = record ? claimed.get(record.predicate.seq) : undefined;
    const intact = next === undefined ? null : next.has(known.hash(bytes));
    if (intact !== true && !wrong.inSig) fault(wrong.code, path, wrong.message);
    if (intact === true || wrong.inSig) fault(wrong.code, `${path}.sig`, wrong.message);
    else if (intact === null)
      fault(wrong.code, `${path}.sig`, 'or this file was changed: no later record tells which');
  }
  for (const path of files.keys())
    if (path.endsWith('.sig') && !files.has(path.slice(0, -4)))
      fault('OMISSION', path.slice(0, -4), 'the signed record is gone');
}

/**
 * Reads, verifies and orders a ledger. Never throws: every fault is named by its reason class and
 * path. To an auditor an overdue plan is an omission; to its own validator it is the plan to
 * declare void next.
 */
export function readLedger(
  validator: string,
  files: LedgerFiles,
  { overdueIsFault = true, known = new VerifiedFiles() }: ReadOptions = {},
): Ledger {
  const faults: LedgerFault[] = [];
  const fault: Report = (code, path, message) => void faults.push({ code, path, message });
  const reading: Reading = { files, validator, known, fault };
  checkPaths(files, fault);
  const read = readRecords(reading);
  checkSignatures(read, reading);
  const records = read
    .flatMap(({ record }) => (record ? [record] : []))
    .sort((a, b) => a.predicate.seq - b.predicate.seq || (a.path < b.path ? -1 : 1));
  checkChain(records, fault);
  checkTime(records, fault);
  checkEnds(records, files, overdueIsFault, fault);
  checkEvidence(records, reading);
  return { validator, records, faults };
}

type Report = (code: LedgerFault['code'], path: string, message: string) => void;

function checkChain(records: readonly AnyRecord[], fault: Report): void {
  const first = records[0];
  for (const [index, record] of records.entries()) {
    const before = records[index - 1];
    const { seq, prev, network } = record.predicate;
    if (
      first &&
      (network.genesisHash !== first.predicate.network.genesisHash ||
        network.netuid !== first.predicate.network.netuid)
    )
      fault('WRONG_CONTEXT', record.path, 'another chain or subnet than the first record');
    if (!before) {
      if (seq !== 0)
        fault(
          'CHAIN_GAP',
          record.path,
          `the first record has seq ${seq}: ${seq} records are missing before it`,
        );
      else if (prev !== null)
        fault('REWRITE', record.path, 'the first record names a previous one');
      continue;
    }
    const last = before.predicate.seq;
    if (seq === last) {
      if (record.sha256 === before.sha256) fault('REPLAY', record.path, `a copy of ${before.path}`);
      else
        fault(
          'EQUIVOCATION',
          record.path,
          `seq ${seq} stands also in ${before.path}: ${before.sha256} and ${record.sha256}`,
        );
      continue;
    }
    if (seq !== last + 1)
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
}

/**
 * Plans and intents are made at a fresh head, so their blocks never go back; rounds, voids and
 * outcomes carry the block of what they end.
 */
function checkTime(records: readonly AnyRecord[], fault: Report): void {
  let latest = 0;
  for (const { kind, path, predicate } of records) {
    if (kind !== 'plan' && kind !== 'weights-intent') continue;
    if (predicate.block.number < latest)
      fault('TIME', path, `block ${predicate.block.number} after block ${latest}`);
    latest = Math.max(latest, predicate.block.number);
  }
}

const ofKind = <K extends Kind>(records: readonly AnyRecord[], kind: K): LedgerRecord<K>[] =>
  records.filter((record) => record.kind === kind) as unknown as LedgerRecord<K>[];

/** Every plan ends once, in a round or a void of its own (RULES "One end for each plan"). */
function checkEnds(
  records: readonly AnyRecord[],
  files: LedgerFiles,
  overdueIsFault: boolean,
  fault: Report,
): void {
  const last = records.at(-1)?.predicate.block.number ?? 0;
  const plans = ofKind(records, 'plan');
  const allEnds = [...ofKind(records, 'round'), ...ofKind(records, 'void')];
  for (const plan of plans) {
    const { seq, block, notAfter } = plan.predicate;
    const folder = plan.path.replace(/plan\.json$/, '');
    const ends = allEnds.filter((record) => record.path.startsWith(folder));
    const evidence = [...files.keys()].some(
      (path) => path.startsWith(folder) && LEDGER_EVIDENCE_PATH.test(path),
    );
    const later = plans.some((other) => other.predicate.seq > seq);
    const overdue = overdueIsFault && last > notAfter;
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
    for (const end of ends)
      if (end.predicate.plan !== plan.sha256)
        fault('REWRITE', end.path, `belongs to a plan ${end.predicate.plan}, not to this one`);
  }
}

/** Every round has its plan and exactly the files that it lists (RULES "Evidence hashes"). */
function checkEvidence(records: readonly AnyRecord[], { files, known, fault }: Reading): void {
  const plans = new Set(ofKind(records, 'plan').map(({ path }) => path));
  const listed = new Set<string>();
  for (const round of ofKind(records, 'round')) {
    const folder = round.path.replace(/round\.json$/, '');
    if (!plans.has(`${folder}plan.json`))
      fault('OMISSION', `${folder}plan.json`, 'a round without its plan');
    for (const [name, expected] of Object.entries(round.predicate.files)) {
      const path = `${folder}${name}`;
      listed.add(path);
      const bytes = files.get(path);
      if (!LEDGER_EVIDENCE_PATH.test(path)) fault('PATH', path, 'no evidence has such a path');
      else if (!bytes) fault('MERKLE_MISMATCH', path, 'a file of the round is missing');
      else if (known.hash(bytes) !== expected)
        fault('MERKLE_MISMATCH', path, `sha256 is not ${expected}`);
    }
  }
  for (const path of files.keys())
    if (LEDGER_EVIDENCE_PATH.test(path) && !listed.has(path))
      fault('MERKLE_MISMATCH', path, 'no round lists this file');
}

/** Records of one kind, in order. */
export function recordsOf<K extends Kind>(
  ledger: Pick<Ledger, 'records'>,
  kind: K,
): LedgerRecord<K>[] {
  return ofKind(ledger.records, kind);
}
