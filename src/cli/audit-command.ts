// Command that audits ledgers: every check, what failed, and what could not be checked.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { UsageError } from '../compose/errors.ts';
import { knownArenas, readArena, ROOT } from '../compose/repository.ts';
import type { Log } from '../core/log.ts';
import { readEvidence, unpackText } from '../ledger/io/evidence-files.ts';
import { gitStore } from '../ledger/io/git-store.ts';
import { validatorFolders } from '../ledger/io/results-folder.ts';
import type { LedgerFiles } from '../ledger/read.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { audit, type AuditReport } from '../pipeline/audit/audit.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { Invocation, RunCommand } from './command.ts';
import { ledgersAtHand, ledgersInFolder, ledgersInStore } from './ledgers-at-hand.ts';
import { optional } from './options.ts';

/** The chain library takes a second and 200 MB to load: an offline audit does without. */
async function openAnyChain(endpoint: string, log: Log): Promise<EndpointPool> {
  const { ANY_CHAIN, openEndpoints } = await import('../chain/io/networks.ts');
  return openEndpoints(endpoint, ANY_CHAIN, log);
}

/** The folder of ledgers that is named, under either name. */
function folderOf(invocation: Invocation): string | undefined {
  const given = optional(invocation, 'results');
  if (given !== undefined && invocation.positionals[0] !== undefined)
    throw new UsageError('DIR and --results are two names of one thing', 'give one of them');
  return invocation.positionals[0] ?? given;
}

/** The ledgers of another clone, or of a results folder. */
async function witnessOf(invocation: Invocation): Promise<Map<string, LedgerFiles> | null> {
  const given = optional(invocation, 'witness');
  if (given === undefined) return null;
  const folder = resolve(given);
  const results = existsSync(join(folder, 'results')) ? join(folder, 'results') : folder;
  if (validatorFolders(results).length > 0) return ledgersInFolder(results).ledgers;
  return (await ledgersInStore(gitStore({ folder, remote: null }))).ledgers;
}

const MARKS = { passed: 'ok', failed: 'FAILED', 'not-checked': 'unchecked', 'not-asked': '-' };

/** The checks as a table, then every fault and everything unchecked. */
function tell({ checks, faults, unchecked }: AuditReport, out: (line: string) => void): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, state, rule } of checks)
    out(`  ${MARKS[state].padEnd(9)}  ${name.padEnd(width)}  ${rule}`);
  for (const { check, code, path, message } of faults)
    out(`${code}  ${path}  ${message}  [${check}]`);
  for (const { check, path, why } of unchecked) out(`unchecked  ${path}  ${why}  [${check}]`);
}

/** The last line for people. */
function summaryOf({ ok, complete, records, evaluations, faults }: AuditReport): string {
  const counts = `${records} records, ${evaluations} evaluations judged again`;
  if (faults.length > 0)
    return `${faults.length} fault${faults.length === 1 ? '' : 's'}: ${counts}`;
  return `${ok && complete ? 'passed' : 'no fault, but not all was checked'}: ${counts}`;
}

/**
 * `cacheon audit`: derives every number of a ledger again and names what is wrong. Exit code 0 where
 * nothing is, 1 where something is, or went unchecked without `--allow-unchecked`.
 */
export const auditCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const began = monotonicClock.nowNs();
  const { ledgers, strays } = await ledgersAtHand(invocation, folderOf(invocation));
  const witness = await witnessOf(invocation);
  const endpoint = optional(invocation, 'chain');
  const chain = endpoint === undefined ? null : await openAnyChain(endpoint, log);
  const folder = optional(invocation, 'corpus');
  const arena = optional(invocation, 'arena');
  const report = await audit(ledgers, {
    ...{ chain, log, strays, witness, readEvidence, unpackText },
    arenas: knownArenas(ROOT),
    localArena: arena === undefined ? null : readArena(resolve(arena)),
    tokenizerOf: (source) => loadTokenizer(source, ROOT),
    corpusOf: (source) =>
      source !== 'generated' && folder === undefined ? null : openCorpus(source, folder, log),
  });
  await chain?.disconnect();
  const seconds = Number(((monotonicClock.nowNs() - began) / 1e9).toFixed(3));
  if (json) process.stdout.write(`${JSON.stringify({ ...report, seconds }, null, 2)}\n`);
  else tell(report, (line) => void process.stdout.write(`${line}\n`));
  log.info(`${summaryOf(report)}, ${seconds.toFixed(1)} s`);
  const whole = report.ok && report.complete;
  const allowed = invocation.values['allow-unchecked'] === true && report.faults.length === 0;
  return whole || allowed ? 0 : 1;
};
