// GitHub action that signs and anchors a plan, or signs a judged round, in the ledger.
import { join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { operatorHere } from '../../src/compose/operator.ts';
import { publishMeasured } from '../../src/compose/publishing.ts';
import { readArena } from '../../src/compose/repository.ts';
import { ledgerOf, settlePorts, validatorPair } from '../../src/compose/settling.ts';
import { postNotice, webhookIn } from '../../src/compose/webhook.ts';
import { readArtifact } from '../../src/github/artifact-content.ts';
import {
  downloadArtifact,
  downloadEvidence,
  downloadIfAny,
} from '../../src/github/io/artifact-service.ts';
import { jobAuth, runnerHost, startAction } from '../../src/github/io/run-action.ts';
import { dispatchWorkflow } from '../../src/github/io/workflow-dispatch.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { noticeOf } from '../../src/pipeline/notices.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { shardMinutes, shardsOf } from '../../src/pipeline/plan-life.ts';
import { publishPlan } from '../../src/pipeline/publish.ts';
import { ARTIFACTS, draftSchema, drawSchema, judgedSchema } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('publish', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch, token } = input;
  const pair = validatorPair();
  const arena = readArena(join(root, input.arena));
  const chain = await openEndpoints(input.endpoint, arena, log);
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const host = { validator: pair.address, tier: 'none', host: runnerHost() };
  const operator = await operatorHere(root, host);
  const ports = settlePorts(chain, pair, ledgerOf(pair, store), log);
  if (input.what === 'plan') {
    const draft = readArtifact(ARTIFACTS.plan, await downloadArtifact(ARTIFACTS.plan), draftSchema);
    const { outcome, plan } = await publishPlan(ports, arena, operator, draft);
    output('outcome', outcome);
    output('block', plan ? String(plan.predicate.block.number) : '');
    output('shards', JSON.stringify(plan ? shardsOf(plan) : []));
    output('minutes', String(plan ? shardMinutes(plan) : 0));
    return;
  }
  const verdicts = await downloadArtifact(ARTIFACTS.verdicts);
  const drawn = await downloadIfAny(ARTIFACTS.draw);
  const judged = await publishMeasured({ ...ports, operator }, arena, root, {
    block: input.block ?? -1,
    judged: readArtifact(ARTIFACTS.verdicts, verdicts, judgedSchema),
    draw: drawn && readArtifact(ARTIFACTS.draw, drawn, drawSchema),
    evidenceOf: downloadEvidence,
  });
  if ('body' in judged) summary(roundSummary(input.block ?? -1, judged.body));
  output('outcome', 'void' in judged ? 'void' : 'round');
  const notice = async () => noticeOf(await ports.ledger.read(), input.block ?? -1);
  await postNotice(webhookIn(process.env), notice, log);
  if (input.audit !== undefined && token !== undefined)
    await dispatchWorkflow(token, input.audit, {});
});
