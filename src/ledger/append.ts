// Appending of signed, chained records and their evidence to a ledger.
import { utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import { predicateType, type Statement, STATEMENT_TYPE } from '../schema/records.ts';
import type { Draft } from './draft.ts';
import { LedgerError } from './errors.ts';
import { openLedger } from './open.ts';
import type { LedgerFiles } from './read.ts';
import { signatureFile, type Signer } from './sign.ts';
import type { FileSet } from './store.ts';

/**
 * Chains and signs drafts after a ledger's last record, with evidence files beside them. The ledger
 * must be sound before and after: another writer may have moved on since a draft was made, and
 * nothing may be signed that an audit would refuse.
 */
export function appendRecords(
  validator: string,
  current: LedgerFiles,
  drafts: readonly Draft[],
  signer: Signer,
  evidence: FileSet = new Map(),
): FileSet {
  const ledger = openLedger(validator, current);
  if (signer.address !== ledger.validator)
    throw new LedgerError(
      'BAD_KEY',
      'usage',
      `the key is ${signer.address}, the ledger belongs to ${ledger.validator}`,
      'use the hotkey of this validator',
    );
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
  openLedger(validator, new Map([...current, ...files]));
  return files;
}
