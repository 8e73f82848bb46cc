// Command that audits a validator's ledger and names every fault found.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { UsageError } from '../compose/errors.ts';
import { ROOT } from '../compose/repository.ts';
import type { Log } from '../core/log.ts';
import { unpackText, unpackTrace } from '../ledger/io/evidence-files.ts';
import { readFolder, validatorFolders } from '../ledger/io/git-store.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { audit } from '../pipeline/audit/audit.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';

/** The chain library takes a second and 200 MB to load: an offline audit does without. */
async function openAnyChain(endpoint: string, log: Log): Promise<EndpointPool> {
  const { ANY_CHAIN, openEndpoints } = await import('../chain/io/networks.ts');
  return openEndpoints(endpoint, ANY_CHAIN, log);
}

/** `cacheon audit`: derives every number of a ledger again and names what is wrong. */
export const auditCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const began = monotonicClock.nowNs();
  const results = resolve(optional(invocation, 'results') ?? 'results');
  if (!existsSync(results))
    throw new UsageError(`there is no folder ${results}`, 'name a results folder with --results');
  const ledgers = new Map(
    validatorFolders(results).map((validator) => [validator, readFolder(join(results, validator))]),
  );
  const endpoint = optional(invocation, 'chain');
  const chain = endpoint === undefined ? null : await openAnyChain(endpoint, log);
  const folder = optional(invocation, 'corpus');
  const report = await audit(ledgers, {
    chain,
    log,
    unpack: unpackTrace,
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
