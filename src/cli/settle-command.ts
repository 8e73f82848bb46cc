// Command that sets a validator's weights on chain, or shows them in a dry run.
import { weightsEntropy } from '../chain/io/entropy.ts';
import { HOTKEY_VARIABLE, keyPair } from '../chain/io/key-pairs.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
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
  const pair = keyPair(process.env[HOTKEY_VARIABLE], HOTKEY_VARIABLE);
  const signer = signerOf(pair);
  const chain = await openChain(invocation, arena);
  const report = await settleAndAnchor(
    {
      chain,
      wallet: chain.transactor(pair),
      store,
      signer,
      clock: monotonicClock,
      entropy: weightsEntropy,
      log,
    },
    arena,
    await operatorOf(signer.address),
    invocation.values['dry-run'] === true,
  );
  await chain.disconnect();
  log.info(
    `${report.sent ? 'sent' : 'not sent'}: ${report.reason}; ${report.uids.map((uid, i) => `${uid}:${report.weights[i] ?? 0}`).join(' ')}`,
  );
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return 0;
};
