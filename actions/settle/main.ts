// GitHub action that sets the validator's weights on chain and records the outcome.
import { join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { operatorHere } from '../../src/compose/operator.ts';
import { readArena } from '../../src/compose/repository.ts';
import { ledgerOf, settlePorts, validatorPair } from '../../src/compose/settling.ts';
import { jobAuth, runnerHost, startAction } from '../../src/github/io/run-action.ts';
import { weightsSummary } from '../../src/github/summary.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { settleAndAnchor } from '../../src/pipeline/settle/settle-and-anchor.ts';
import { inputs } from './inputs.ts';

void startAction('settle', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const arena = readArena(join(root, input.arena));
  const pair = validatorPair();
  const { branch, token } = input;
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const chain = await openEndpoints(input.endpoint, arena, log);
  const host = { validator: pair.address, tier: 'none', host: runnerHost() };
  const report = await settleAndAnchor(
    settlePorts(chain, pair, ledgerOf(pair, store), log),
    arena,
    await operatorHere(root, host),
    input['dry-run'] === 'true',
  );
  output('sent', String(report.sent));
  output('block', String(report.block));
  log.info(report.reason);
  summary(weightsSummary(report));
});
