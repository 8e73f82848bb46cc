// Command that shows where a miner's submission stands, or the whole queue.
import { UsageError } from '../compose/errors.ts';
import type { ChainReader } from '../chain/chain.ts';
import type { Log } from '../core/log.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { LedgerError } from '../ledger/errors.ts';
import { openStored } from '../ledger/open.ts';
import type { ResultStore } from '../ledger/store.ts';
import { status, type StatusReport } from '../pipeline/status.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';
import { openChain, workplace } from './workplace.ts';
import { give } from './output.ts';
import { shortKey, withShortKeys } from '../schema/short-names.ts';
import { hanging, paint, table } from './screen.ts';

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

/** The beginning of a hotkey that may stand for it. */
const BEGINNING = /^5[1-9A-HJ-NP-Za-km-z]{5,46}$/;

/** The hotkey that a text means: itself, or the only registered one that it begins. */
async function hotkeyOf(chain: ChainReader, netuid: number, text: string): Promise<string> {
  if (decodeSs58(text) !== null) return text;
  const { neurons } = await chain.snapshot(netuid);
  const [first, ...more] = neurons.flatMap((neuron) =>
    neuron.hotkey.startsWith(text) ? [neuron.hotkey] : [],
  );
  if (first !== undefined && more.length === 0) return first;
  throw new UsageError(
    first === undefined
      ? `no hotkey of subnet ${netuid} begins with ${text}`
      : `${text} begins ${more.length + 1} hotkeys: ${[first, ...more].slice(0, 5).join(', ')}`,
    'give its whole address: cacheon wallet show prints it',
  );
}

/**
 * `cacheon status`: where one hotkey's submission stands with every validator of this clone, or the
 * whole queue.
 */
export const statusCommand: RunCommand = async (invocation) => {
  const { log, positionals } = invocation;
  const named = positionals[0] ?? null;
  if (named !== null && decodeSs58(named) === null && !BEGINNING.test(named))
    throw new UsageError(
      `${named} is not an ss58 address`,
      'give the address of the hotkey, or its first 6 characters: cacheon wallet show prints it',
    );
  const { arena, store } = workplace(invocation);
  const only = optional(invocation, 'validator');
  const validators = only === undefined ? await validatorsIn(store, log) : [only];
  const chain = await openChain(invocation, arena, false);
  const hotkey = named && (await hotkeyOf(chain, arena.netuid, named));
  const reports: StatusReport[] = [];
  for (const validator of validators)
    reports.push(await status(chain, arena, await openStored(store, validator), hotkey));
  // A clone without a ledger still tells what the chain says.
  if (reports.length === 0) reports.push(await status(chain, arena, null, hotkey));
  await chain.disconnect();
  const lines = reports.flatMap((report) => [...statusLines(report, hotkey)]);
  give(invocation, { hotkey, validators: reports }, lines);
  return 0;
};

/** A validator's view of one hotkey, or of the whole queue. */
function* statusLines(report: StatusReport, hotkey: string | null): Generator<string> {
  const { validator, block, submissions, waiting, registered, nextRound } = report;
  yield paint(
    'bold',
    `${validator === null ? 'no ledger here' : `validator ${validator}`}, block ${block}`,
  );
  if (registered === false) yield `${hotkey ?? ''} is not registered on this subnet`;
  else if (submissions.length === 0) yield 'no submission: nothing is committed';
  else {
    const rows = submissions.map(({ key, uid, queue, role, status: state, verdict, reason }) => [
      ...[shortKey(key), String(uid), queue === null ? (role ?? state) : `${queue} of ${waiting}`],
      ...[verdict ?? '', withShortKeys(reason)],
    ]);
    const sides = ['left', 'right'] as const;
    yield* table([['entry', 'uid', 'place', 'verdict', 'why'], ...rows], sides);
  }
  for (const { key, last } of submissions)
    if (last)
      yield* hanging(
        `${shortKey(key)} in round ${last.block}: `,
        `${last.verdict}, score ${last.score.toFixed(4)}, ${last.reason}`,
      );
  yield `next round: ${nextRound}`;
}
