// Signed, chained records and their evidence, as the files that a ledger grows by.
import { utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import { predicateType, type Statement, STATEMENT_TYPE } from '../schema/records.ts';
import type { Draft } from './draft.ts';
import type { Ledger } from './read.ts';
import { signatureFile, type Signer } from './sign.ts';
import type { FileSet } from './store.ts';

/** What a ledger grows by: records, and evidence files beside them. */
export type Addition = { readonly drafts: readonly Draft[]; readonly evidence?: FileSet };

/** Chains drafts after a ledger's last record and signs them: the files to add. */
export function signedFiles(
  { records }: Pick<Ledger, 'records'>,
  { drafts, evidence = new Map() }: Addition,
  signer: Signer,
): FileSet {
  const files = new Map(evidence);
  const last = records.at(-1);
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
  return files;
}
