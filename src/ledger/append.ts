// Appending of signed, chained records and their evidence to a ledger.
import { utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import { predicateType, type Statement, STATEMENT_TYPE } from '../schema/records.ts';
import type { Draft } from './draft.ts';
import { openLedger } from './open.ts';
import type { LedgerFiles } from './read.ts';
import { signatureFile, type Signer } from './sign.ts';
import type { FileSet } from './store.ts';

/**
 * Chains and signs drafts after the last record of the signer's ledger, with evidence files beside them. The ledger
 * must be sound before and after: another writer may have moved on since a draft was made, and
 * nothing may be signed that an audit would refuse.
 */
export function appendRecords(
  current: LedgerFiles,
  drafts: readonly Draft[],
  signer: Signer,
  evidence: FileSet = new Map(),
): FileSet {
  const ledger = openLedger(signer.address, current);
  const files = new Map(evidence);
  const last = ledger.records.at(-1);
  let seq = last ? last.predicate.seq + 1 : 0;
  let prev = last?.sha256 ?? null;
  for (const { kind, path, subject, predicate } of drafts) {
    const statement: Statement = {
      _type: STATEMENT_TYPE,
      subject,
      predicateType: predicateType(kind),
      predicate: { ...predicate, seq, prev },
    };
    const bytes = utf8(renderJson(statement));
    files.set(path, bytes);
    files.set(`${path}.sig`, utf8(signatureFile(signer, bytes)));
    seq++;
    prev = sha256Hex(bytes);
  }
  openLedger(signer.address, new Map([...current, ...files]));
  return files;
}
