// Command that shows where a miner's submission stands, or the whole queue.
import { UsageError } from '../compose/errors.ts';
import type { Log } from '../core/log.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { LedgerError } from '../ledger/errors.ts';
import { openStored } from '../ledger/open.ts';
import type { ResultStore } from '../ledger/store.ts';
import { status, type StatusReport } from '../pipeline/status.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';
import { openChain, workplace } from './workplace.ts';

/** The validators whose ledgers are at hand; none outside of a repository, which is told. */
async function validatorsIn(store: ResultStore, log: Log): Promise<string[]> {
  try {
    return await store.validators();
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'GIT_FAILED') throw error;
    log.warn(`no ledger is read: ${error.message}`);
    return [];
  }
}

/**
 * `cacheon status`: where one hotkey's submission stands with every validator of this clone, or the
 * whole queue.
 */
export const statusCommand: RunCommand = async (invocation) => {
  const { log, json, positionals } = invocation;
  const hotkey = positionals[0] ?? null;
  if (hotkey !== null && decodeSs58(hotkey) === null)
    throw new UsageError(
      `${hotkey} is not an ss58 address`,
      'give the address of the hotkey: cacheon wallet show prints it',
    );
  const { arena, store } = workplace(invocation);
  const only = optional(invocation, 'validator');
  const validators = only === undefined ? await validatorsIn(store, log) : [only];
  const chain = await openChain(invocation, arena, false);
  const reports: StatusReport[] = [];
  for (const validator of validators)
    reports.push(await status(chain, arena, await openStored(store, validator), hotkey));
  // A clone without a ledger still tells what the chain says.
  if (reports.length === 0) reports.push(await status(chain, arena, null, hotkey));
  await chain.disconnect();
  for (const report of reports) print(report, hotkey, log);
  if (json) process.stdout.write(`${JSON.stringify({ hotkey, validators: reports }, null, 2)}\n`);
  return 0;
};

function print(report: StatusReport, hotkey: string | null, log: Log): void {
  log.info(
    `${report.validator === null ? 'no ledger here' : `validator ${report.validator}`}, block ${report.block}`,
  );
  if (report.registered === false) log.info(`  ${hotkey ?? ''} is not registered on this subnet`);
  else if (report.submissions.length === 0) log.info('  no submission: nothing is committed');
  for (const line of report.submissions) {
    const place =
      line.queue === null
        ? (line.role ?? line.status)
        : `challenger ${line.queue} of ${report.waiting}`;
    log.info(`  ${line.key}  uid ${line.uid}  ${place}  ${line.verdict ?? ''}  ${line.reason}`);
    if (line.last)
      log.info(
        `    round ${line.last.block}: ${line.last.verdict}, score ${line.last.score.toFixed(4)}, ${line.last.reason}`,
      );
  }
  log.info(`  next round: ${report.nextRound}`);
}
