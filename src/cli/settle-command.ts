// Command that sets a validator's weights on chain, or shows them in a dry run.
import { ledgerOf, settlePorts, validatorPair } from '../compose/settling.ts';
import { settleAndAnchor } from '../pipeline/settle/settle-and-anchor.ts';
import type { RunCommand } from './command.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';

/**
 * `cacheon settle`: sets the weights that follow from the ledger, or with --dry-run only derives
 * them.
 */
export const settleCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
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
  log.info(
    `${report.sent ? 'sent' : 'not sent'}: ${report.reason}; ${report.uids.map((uid, i) => `${uid}:${report.weights[i] ?? 0}`).join(' ')}`,
  );
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return 0;
};
