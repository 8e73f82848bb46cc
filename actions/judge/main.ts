// GitHub action that judges the traces of a round, and compares with the round on record.
import { judgeEvidence, recordedDifference } from '../../src/compose/judging.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { downloadFiles, uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { planOf } from '../../src/ledger/plans.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('judge', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const ledger = await openStored(gitStore({ folder: root, remote: null }), input.validator);
  const plan = planOf(ledger, input.block);
  const evidence = await downloadFiles(ARTIFACTS.tracesPrefix);
  const judged = judgeEvidence(plan, evidence, root);
  await uploadArtifact(ARTIFACTS.verdicts, renderJson(judged));
  output('void', String('void' in judged));
  if ('void' in judged) {
    log.info('no traces: the round will be void');
    return;
  }
  summary(roundSummary(input.block, judged.body));
  const recorded = recordedDifference(ledger, plan, judged.body);
  if (recorded)
    summary(`Compared with the recorded round: ${recorded.difference ?? 'the same verdicts'}\n`);
  log.info(`judged ${evidence.size} files of evidence`);
});
