// Command that sets a validator's weights on chain, or shows them in a dry run.
import { ledgerOf, settlePorts, validatorPair } from '../compose/settling.ts';
import { settleAndAnchor } from '../pipeline/settle/settle-and-anchor.ts';
import type { RunCommand } from './command.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';
import { give } from './output.ts';
import { table } from './screen.ts';

/**
 * `cacheon settle`: sets the weights that follow from the ledger, or with --dry-run only derives
 * them.
 */
export const settleCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const { arena, store } = workplace(invocation);
  const pair = validatorPair();
  const chain = await openChain(invocation, arena);
  const report = await settleAndAnchor(
    settlePorts(chain, pair, ledgerOf(pair, store), log),
    arena,
    await operatorOf(pair.address),
    invocation.values['dry-run'] === true,
  );
  await chain.disconnect();
  const rows = report.uids.map((uid, i) => [String(uid), String(report.weights[i] ?? 0)]);
  give(invocation, report, [
    `${report.sent ? 'sent' : 'not sent'}: ${report.reason}`,
    ...(rows.length === 0 ? [] : table([['uid', 'weight'], ...rows], ['right', 'right'])),
  ]);
  return 0;
};
