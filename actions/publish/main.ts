// GitHub action that signs a plan or a judged round and commits the record to the ledger.
import { ledgerOf, validatorPair } from '../../src/compose/settling.ts';
import { gitAuth } from '../../src/github/git-auth.ts';
import { readArtifact } from '../../src/github/artifact-content.ts';
import { downloadArtifact, downloadFiles } from '../../src/github/io/artifact-service.ts';
import { dispatchWorkflow } from '../../src/github/io/workflow-dispatch.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { planOf } from '../../src/ledger/plans.ts';
import { publishJudged, publishPlan } from '../../src/pipeline/publish.ts';
import { ARTIFACTS, draftSchema, judgedSchema } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('publish', inputs, async ({ input, log, output, summary }) => {
  const pair = validatorPair();
  const env = gitAuth(process.env['GITHUB_SERVER_URL'] ?? 'https://github.com', input.token);
  const store = gitStore({
    folder: process.cwd(),
    remote: { name: 'origin', branch: input.branch },
    env,
  });
  const ledger = ledgerOf(pair, store);
  const ports = { ledger, log };
  if (input.what === 'plan') {
    const draft = readArtifact(ARTIFACTS.plan, await downloadArtifact(ARTIFACTS.plan), draftSchema);
    const { outcome, plan } = await publishPlan(ports, draft);
    output('outcome', outcome);
    output('block', plan ? String(plan.predicate.block.number) : '');
    output('shards', JSON.stringify(plan?.predicate.shards.map(({ index }) => index) ?? []));
    return;
  }
  const plan = planOf(await ledger.read(), input.block ?? -1);
  const judged = readArtifact(
    ARTIFACTS.verdicts,
    await downloadArtifact(ARTIFACTS.verdicts),
    judgedSchema,
  );
  const evidence = 'void' in judged ? new Map() : await downloadFiles(ARTIFACTS.tracesPrefix);
  await publishJudged(ports, plan, judged, evidence);
  if ('body' in judged) summary(roundSummary(plan.predicate.block.number, judged.body));
  output('outcome', 'void' in judged ? 'void' : 'round');
  if (input.audit !== undefined && input.token !== undefined)
    await dispatchWorkflow(input.token, input.audit, {});
});
