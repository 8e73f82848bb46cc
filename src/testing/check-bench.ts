// Runs some checks of an audit on a subject, and gives what they found as text.
import type { ChainReader } from '../chain/chain.ts';
import { silentLog } from '../core/log.ts';
import { readEvidence, unpackText } from '../ledger/io/evidence-files.ts';
import { readLedger, type LedgerFiles } from '../ledger/read.ts';
import type { AnyRecord } from '../ledger/verify.ts';
import { recordsOf } from '../ledger/records-of.ts';
import { ANCHOR_CHECKS, ANCHORED_CHECKS } from '../pipeline/audit/audit-anchor.ts';
import type { AuditPorts } from '../pipeline/audit/audit.ts';
import { type Check, CheckBook } from '../pipeline/audit/check.ts';
import type { LedgerSubject } from '../pipeline/audit/subjects.ts';

/** What an audit needs where nothing of it is asked for. */
export const noPorts: AuditPorts = {
  ...{ chain: null, log: silentLog, readEvidence, unpackText, arenas: [], localArena: null },
  tokenizerOf: () => {
    throw new Error('no tokenizer is asked for');
  },
  corpusOf: () => null,
};

/** Faults and what went unchecked, each as one line. */
export type Finding = { readonly faults: string[]; readonly unchecked: string[] };

const found = ({ faults, unchecked }: CheckBook): Finding => ({
  faults: faults.map(({ code, path, message }) => `${code} ${path} ${message}`),
  unchecked: unchecked.map(({ path, why }) => `${path} ${why}`),
});

/** What checks find in a subject; paths as they are in its ledger. */
export async function foundBy<S>(
  checks: readonly Check<S>[],
  subject: S,
  { chain = null, path = '' }: { readonly chain?: ChainReader | null; readonly path?: string } = {},
): Promise<Finding> {
  const book = new CheckBook(chain);
  for (const check of checks) await book.run(check, subject, { validator: '', path });
  return found(book);
}

/** What the checks of anchors find in records. */
export async function anchorFaults(
  records: readonly AnyRecord[],
  validator: string,
  chain: ChainReader | null,
): Promise<string[]> {
  const ledger = { validator, records, files: new Map(), faults: [] };
  const subject: LedgerSubject = { ledger, ports: { ...noPorts, chain } };
  const { faults } = await foundBy(ANCHORED_CHECKS, subject, { chain });
  for (const record of recordsOf({ records }, 'anchor')) {
    const place = { chain, path: record.path };
    faults.push(...(await foundBy(ANCHOR_CHECKS, { ...subject, record }, place)).faults);
  }
  return faults;
}

/** The records of a ledger's files with what reading finds wrong. */
export function readFaults(validator: string, files: LedgerFiles) {
  const { records, faults } = readLedger(validator, files);
  return { records, faults: faults.map(({ code, path, message }) => `${code} ${path} ${message}`) };
}
