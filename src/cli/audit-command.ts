// Command that audits a validator's ledger and names every fault found.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { UsageError } from '../compose/errors.ts';
import { knownArenas, readArena, ROOT } from '../compose/repository.ts';
import type { Log } from '../core/log.ts';
import { readEvidence, unpackText } from '../ledger/io/evidence-files.ts';
import { readFolder, validatorFolders } from '../ledger/io/results-folder.ts';
import type { LedgerFiles } from '../ledger/read.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { audit } from '../pipeline/audit/audit.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional } from './options.ts';
import { storeOf } from './workplace.ts';

/** The chain library takes a second and 200 MB to load: an offline audit does without. */
async function openAnyChain(endpoint: string, log: Log): Promise<EndpointPool> {
  const { ANY_CHAIN, openEndpoints } = await import('../chain/io/networks.ts');
  return openEndpoints(endpoint, ANY_CHAIN, log);
}

/** The ledgers of a folder; without one those of the branch `ledger` of this clone. */
async function ledgersOf(invocation: Invocation): Promise<Map<string, LedgerFiles>> {
  const given = optional(invocation, 'results');
  if (given !== undefined && invocation.positionals[0] !== undefined)
    throw new UsageError('DIR and --results are two names of one thing', 'give one of them');
  const folder = invocation.positionals[0] ?? given;
  if (folder === undefined) {
    const store = storeOf(invocation);
    const found = new Map<string, LedgerFiles>();
    for (const validator of await store.validators())
      found.set(validator, await store.read(validator));
    return found;
  }
  const results = resolve(folder);
  if (!existsSync(results))
    throw new UsageError(`there is no folder ${results}`, 'name a results folder with --results');
  return new Map(
    validatorFolders(results).map((validator) => [validator, readFolder(join(results, validator))]),
  );
}

/** `cacheon audit`: derives every number of a ledger again and names what is wrong. */
export const auditCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const began = monotonicClock.nowNs();
  const ledgers = await ledgersOf(invocation);
  const endpoint = optional(invocation, 'chain');
  const chain = endpoint === undefined ? null : await openAnyChain(endpoint, log);
  const folder = optional(invocation, 'corpus');
  const arena = optional(invocation, 'arena');
  const report = await audit(ledgers, {
    chain,
    log,
    arenas: knownArenas(ROOT),
    localArena: arena === undefined ? null : readArena(resolve(arena)),
    readEvidence,
    unpackText,
    tokenizerOf: (source) => loadTokenizer(source, ROOT),
    corpusOf: (source) =>
      source !== 'generated' && folder === undefined ? null : openCorpus(source, folder, log),
  });
  await chain?.disconnect();
  const seconds = Number(((monotonicClock.nowNs() - began) / 1e9).toFixed(3));
  for (const { code, path, message } of report.faults) log.info(`${code}  ${path}  ${message}`);
  log.info(
    `${report.ok ? 'passed' : `${report.faults.length} faults`}: ${report.records} records, ${report.evaluations} evaluations judged again, ${seconds.toFixed(1)} s`,
  );
  if (json) process.stdout.write(`${JSON.stringify({ ...report, seconds }, null, 2)}\n`);
  return report.ok ? 0 : 1;
};
