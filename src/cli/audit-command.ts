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
import { audit } from '../pipeline/audit/audit.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { auditLines, verdictLine } from './audit-text.ts';
import type { Invocation, RunCommand } from './command.ts';
import {
  asFolder,
  ledgersAtHand,
  ledgersInFolder,
  ledgersInStore,
  resultsIn,
} from './ledgers-at-hand.ts';
import { optional } from './options.ts';
import { give } from './output.ts';
import { paint, wrapped } from './screen.ts';

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
  const folder = asFolder(given, 'name another one with --witness');
  const results = resultsIn(folder);
  if (validatorFolders(results).length > 0) return ledgersInFolder(results).ledgers;
  if (existsSync(join(folder, '.git')) || existsSync(join(folder, 'HEAD')))
    return (await ledgersInStore(gitStore({ folder, remote: null }))).ledgers;
  throw new UsageError(
    `the witness ${folder} holds no ledger`,
    'name another clone with the branch `ledger`, or its results folder',
  );
}

/**
 * `cacheon audit`: derives every number of a ledger again and names what is wrong. Exit code 0 where
 * nothing is, 1 where something is, or went unchecked without `--allow-unchecked`.
 */
export const auditCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
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
  const verdict = `${verdictLine(report)}; ${seconds.toFixed(1)} s`;
  give(invocation, { ...report, seconds }, [
    ...[...auditLines(report)].flatMap(wrapped),
    ...wrapped(paint(report.ok && report.faults.length === 0 ? 'green' : 'red', verdict)),
  ]);
  const whole = report.ok && report.complete;
  const allowed = invocation.values['allow-unchecked'] === true && report.faults.length === 0;
  return whole || allowed ? 0 : 1;
};
