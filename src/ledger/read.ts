// Reading and full verification of a validator's ledger, with a list of every fault.
import { equalBytes, fromUtf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { folderOf, LEDGER_EVIDENCE_PATH } from '../schema/paths.ts';
import {
  checkSignature,
  MAX_RECORD_BYTES,
  readRecord,
  type AnyRecord,
  type LedgerFault,
  type ReadCheck,
} from './verify.ts';
import type { Kind } from '../schema/records.ts';
import { checkChain, checkEnds, checkTime, type NoteFault } from './chain-checks.ts';
import { recordsOf } from './records-of.ts';

/** Files of one validator's folder: path under it -> bytes. Reading them is the store's work. */
export type LedgerFiles = ReadonlyMap<string, Uint8Array>;

const RECORD_PATH =
  /^(?:rounds\/(?<round>0|[1-9]\d*)\/(?<part>plan|anchor|round|void)|weights\/(?<block>0|[1-9]\d*)(?<step>\.intent|\.readback|\.anchor)?)\.json$/;

/** Stands for a file that is not read: a link, a device, a giant. Compared by identity. */
export const UNREADABLE: Uint8Array = new Uint8Array(0);
/** Stands for evidence that was left where it is: only the audit reads what was measured. */
export const UNREAD: Uint8Array = new Uint8Array(0);

/** One validator's verified records in order, and everything that is wrong with the folder. */
export type Ledger = {
  readonly validator: string;
  readonly files: LedgerFiles;
  readonly records: readonly AnyRecord[];
  readonly faults: readonly LedgerFault[];
};

/** Kinds of the records about weights, by what their names end in. */
const WEIGHTS_STEPS: Readonly<Record<string, Kind>> = {
  '': 'weights',
  '.intent': 'weights-intent',
  '.readback': 'weights-readback',
  '.anchor': 'anchor',
};

const kindOf = (path: string): Kind | null => {
  const groups = RECORD_PATH.exec(path)?.groups;
  if (!groups) return null;
  if (groups['part'] !== undefined) return groups['part'] as Kind;
  return WEIGHTS_STEPS[groups['step'] ?? ''] ?? null;
};
const blockOf = (path: string): number =>
  Number(RECORD_PATH.exec(path)!.groups!['round'] ?? RECORD_PATH.exec(path)!.groups!['block']);

/** Paths of a ledger's folder that may not be there (RULES "Record paths"). */
function checkPaths(files: LedgerFiles, fault: NoteFault): void {
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
  readonly overdueIsFault: boolean;
  /** The same ledger when it was shorter, verified before: only what is new is verified. */
  readonly before: Ledger;
};
/** One reading of a ledger: what its steps share. */
type Reading = {
  /** All files of the ledger. */
  readonly files: LedgerFiles;
  /** The files among them that nobody verified before. */
  readonly fresh: LedgerFiles;
  readonly validator: string;
  readonly fault: NoteFault;
};

/** A record's file, and the record where it could be read. */
type ReadFile = {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly record: AnyRecord | null;
};

function readRecords({ fresh, validator, fault }: Reading): ReadFile[] {
  const read: ReadFile[] = [];
  for (const [path, bytes] of fresh) {
    const kind = kindOf(path);
    if (kind === null || bytes === UNREADABLE) continue;
    if (bytes.length > MAX_RECORD_BYTES) {
      fault('PATH', path, `larger than ${MAX_RECORD_BYTES} bytes`);
      continue;
    }
    const result = readRecord(path, bytes);
    if ('fault' in result) fault(result.fault.code, result.fault.path, result.fault.message);
    const record = 'record' in result ? result.record : null;
    read.push({ path, bytes, record });
    if (record) checkPlace(record, kind, validator, fault);
  }
  return read;
}

/** Whether a record stands where its kind, block and validator belong. */
function checkPlace(record: AnyRecord, kind: Kind, validator: string, fault: NoteFault): void {
  const { path, predicate } = record;
  const block = predicate.block.number;
  if (record.kind !== kind || block !== blockOf(path))
    fault('REPLAY', path, `a ${record.kind} of block ${block} does not belong here`);
  if (predicate.validator !== validator)
    fault('WRONG_CONTEXT', path, `made by ${predicate.validator}`);
}

/** What later records say a record's hash was, by its number: null where none names it. */
type Claims = ReadonlyMap<number, ReadonlySet<string>>;

function claimsOf(read: readonly ReadFile[]): Claims {
  const claims = new Map<number, Set<string>>();
  for (const { record } of read) {
    if (!record) continue;
    const { seq, prev } = record.predicate;
    claims.set(seq - 1, (claims.get(seq - 1) ?? new Set()).add(String(prev)));
  }
  return claims;
}

/** Where a signature does not fit: at the record, at the signature, or at either of them. */
function blame(
  { path, bytes, record }: ReadFile,
  wrong: NonNullable<ReturnType<typeof checkSignature>>,
  claims: Claims,
  fault: NoteFault,
): void {
  const next = record ? claims.get(record.predicate.seq) : undefined;
  const intact = next === undefined ? null : next.has(sha256Hex(bytes));
  if (intact !== true && !wrong.inSig) fault(wrong.code, path, wrong.message);
  if (intact === true || wrong.inSig) fault(wrong.code, `${path}.sig`, wrong.message);
  else if (intact === null)
    fault(
      wrong.code,
      `${path}.sig`,
      'its record was changed, or this signature was: no later record tells which',
    );
}

/** Every signature, and which of record and signature was changed where one does not fit. */
function checkSignatures(read: readonly ReadFile[], { files, validator, fault }: Reading): void {
  const claims = claimsOf(read);
  for (const file of read) {
    const sig = files.get(`${file.path}.sig`);
    if (!sig) {
      fault('BAD_SIG', file.path, 'the record has no signature');
      continue;
    }
    const wrong = checkSignature(file.bytes, fromUtf8(sig) ?? '', validator);
    if (wrong) blame(file, wrong, claims, fault);
  }
  for (const path of files.keys())
    if (path.endsWith('.sig') && !files.has(path.slice(0, -4)))
      fault('OMISSION', path.slice(0, -4), 'the signed record is gone');
}

/** Files that a longer ledger has and a shorter one has not; null where a file changed or is gone. */
function addedFiles(before: LedgerFiles, files: LedgerFiles): LedgerFiles | null {
  for (const [path, bytes] of before) {
    const now = files.get(path);
    // A branch only grows, so what was verified and is not read again is what it was.
    if (now === UNREAD) continue;
    if (now !== bytes && (!now || !equalBytes(now, bytes))) return null;
  }
  return new Map([...files].filter(([path]) => !before.has(path)));
}

const empty = (validator: string): Ledger => ({
  validator,
  files: new Map(),
  records: [],
  faults: [],
});

/**
 * Reads, verifies and orders a ledger. Never throws: every fault is named by its reason class and
 * path. To an auditor an overdue plan is an omission; to its own validator it is the plan to
 * declare void next.
 */
export function readLedger(
  validator: string,
  files: LedgerFiles,
  { overdueIsFault = true, before = empty(validator) }: Partial<ReadOptions> = {},
): Ledger {
  const added = before.faults.length === 0 ? addedFiles(before.files, files) : null;
  const verified = added ? before.records : [];
  const faults: LedgerFault[] = [];
  const notes =
    (check: ReadCheck): NoteFault =>
    (code, path, message) =>
      void faults.push({ check, code, path, message });
  const reading = (check: ReadCheck): Reading => ({
    ...{ files, fresh: added ?? files, validator, fault: notes(check) },
  });
  checkPaths(files, notes('paths'));
  const read = readRecords(reading('records'));
  checkSignatures(read, reading('signatures'));
  const records = [...verified, ...read.flatMap(({ record }) => (record ? [record] : []))].sort(
    (a, b) => a.predicate.seq - b.predicate.seq || (a.path < b.path ? -1 : 1),
  );
  checkChain(records, notes('chain-of-records'));
  checkTime(records, notes('time-order'));
  checkEnds(records, [...files.keys()], overdueIsFault, notes('one-end'));
  checkEvidence(records, reading('evidence-hashes'));
  return { validator, files, records, faults };
}

/** Every round has its plan and exactly the files that it lists (RULES "Evidence hashes"). */
function checkEvidence(records: readonly AnyRecord[], { files, fresh, fault }: Reading): void {
  const plans = new Set(recordsOf({ records }, 'plan').map(({ path }) => path));
  const listed = new Set<string>();
  for (const round of [...recordsOf({ records }, 'round'), ...recordsOf({ records }, 'void')]) {
    const folder = folderOf(round.path);
    if (round.kind === 'round' && !plans.has(`${folder}plan.json`))
      fault('OMISSION', `${folder}plan.json`, 'a round without its plan');
    for (const [name, expected] of Object.entries(round.predicate.files)) {
      const path = `${folder}${name}`;
      listed.add(path);
      const bytes = files.get(path);
      if (!LEDGER_EVIDENCE_PATH.test(path)) fault('PATH', path, 'no evidence has such a path');
      else if (!bytes) fault('MERKLE_MISMATCH', path, 'a file of the round is missing');
      else if (bytes === UNREAD) continue;
      // A file that was verified before was listed by a round that was verified with it.
      else if ((fresh.has(path) || fresh.has(round.path)) && sha256Hex(bytes) !== expected)
        fault('MERKLE_MISMATCH', path, `sha256 is not ${expected}`);
    }
  }
  for (const path of files.keys())
    if (LEDGER_EVIDENCE_PATH.test(path) && !listed.has(path))
      fault('MERKLE_MISMATCH', path, 'no round lists this file');
}

export { recordsOf };
