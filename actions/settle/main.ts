// GitHub action that sets the validator's weights on chain and records the outcome.
import { join } from 'node:path';
import { weightsEntropy } from '../../src/chain/io/entropy.ts';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { readArena } from '../../src/compose/repository.ts';
import { gitAuth } from '../../src/github/git-auth.ts';
import { table } from '../../src/github/summary.ts';
import { monotonicClock } from '../../src/node/monotonic-clock.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { settleAndAnchor } from '../../src/pipeline/settle/settle-and-anchor.ts';
import { gitStore, codeCommit } from '../../src/ledger/io/git-store.ts';
import { HOTKEY_VARIABLE, keyPair } from '../../src/chain/io/key-pairs.ts';
import { signerOf } from '../../src/ledger/io/signing-key.ts';
import { inputs } from './inputs.ts';

void startAction('settle', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const arena = readArena(join(root, input.arena));
  const pair = keyPair(process.env[HOTKEY_VARIABLE], HOTKEY_VARIABLE);
  const signer = signerOf(pair);
  const env = gitAuth(process.env['GITHUB_SERVER_URL'] ?? 'https://github.com', input.token);
  const store = gitStore({ folder: root, remote: { name: 'origin', branch: input.branch }, env });
  const chain = await openEndpoints(input.endpoint, arena, log);
  const operator = {
    validator: signer.address,
    commit: await codeCommit(root),
    node: process.version,
    host: { runner: process.env['RUNNER_OS'] ?? process.platform },
    tier: 'none',
  };
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
    operator,
    input['dry-run'] === 'true',
  );
  output('sent', String(report.sent));
  output('block', String(report.block));
  log.info(report.reason);
  summary(
    `### Weights at block ${report.block}: ${report.reason}\n\n${table(
      ['uid', 'weight'],
      report.uids.map((uid, i) => [String(uid), String(report.weights[i])]),
    )}\n`,
  );
});
