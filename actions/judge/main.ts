// GitHub action that judges the traces of a round, and compares with the round on record.
import { counted } from '../../src/core/counted.ts';
import { judgeEvidence, recordedDifference } from '../../src/compose/judging.ts';
import { hourlyPrice, PRICE_VARIABLE, spentLine } from '../../src/compose/plan-cost.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { readArtifact } from '../../src/github/artifact-content.ts';
import {
  downloadEvidence,
  downloadIfAny,
  uploadArtifact,
} from '../../src/github/io/artifact-service.ts';
import { jobAuth, startAction } from '../../src/github/io/run-action.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { drawnPlan } from '../../src/judge/drawn-plan.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { planOf } from '../../src/ledger/plans.ts';
import { drawOf } from '../../src/pipeline/draw/verify-draw.ts';
import { ARTIFACTS, drawSchema } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('judge', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch, token, validator, block } = input;
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const ledger = await openStored(store, validator);
  const plan = planOf(ledger, block);
  const given = await downloadIfAny(ARTIFACTS.draw);
  const draw = drawOf(ledger, plan, given && readArtifact(ARTIFACTS.draw, given, drawSchema));
  const shards = drawnPlan(plan, draw.seed).shards.map(({ index }) => index);
  const evidence = await downloadEvidence(shards);
  const { judged, spent } = judgeEvidence(plan, draw.seed, evidence, root);
  await uploadArtifact(ARTIFACTS.verdicts, renderJson(judged));
  output('void', String('void' in judged));
  if ('void' in judged) {
    log.info('no traces: the round will be void');
    return;
  }
  summary(roundSummary(block, judged.body));
  const price = hourlyPrice(process.env[PRICE_VARIABLE]);
  summary(`${spentLine(spent, plan.predicate.plannedMinutes, price)}\n`);
  const recorded = recordedDifference(ledger, plan, judged.body);
  if (recorded)
    summary(`Compared with the recorded round: ${recorded.difference ?? 'the same verdicts'}\n`);
  log.info(`judged ${counted(evidence.size, 'file')} of evidence`);
});
