import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gitAuth } from '../../src/github/git-auth.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { artifactNames, downloadFiles } from '../../src/github/io/artifacts.ts';
import { dispatchWorkflow } from '../../src/github/io/dispatch.ts';
import { readDraft, readJudged, readTraceFiles } from '../../src/github/io/handover.ts';
import { main } from '../../src/github/io/run-action.ts';
import { publishPlan, publishRound, publishVoid } from '../../src/pipeline/publish.ts';
import { signedPlan } from '../../src/pipeline/sound-ledger.ts';
import { gitStore } from '../../src/results/io/git-store.ts';
import { HOTKEY_VARIABLE, keyPair, signerOf } from '../../src/results/io/keys.ts';
import { inputs } from './inputs.ts';

void main('publish', inputs, async ({ input, log, output, summary }) => {
  const signer = signerOf(keyPair(process.env[HOTKEY_VARIABLE], HOTKEY_VARIABLE));
  const env = gitAuth(process.env['GITHUB_SERVER_URL'] ?? 'https://github.com', input.token);
  const store = gitStore({ folder: process.cwd(), remote: { name: 'origin', branch: input.branch }, env });
  const ports = { store, signer, log };
  const folder = mkdtempSync(join(tmpdir(), 'publish-'));
  if (input.what === 'plan') {
    await downloadFiles('plan', folder);
    const { outcome, plan } = await publishPlan(ports, readDraft(join(folder, 'plan.json')));
    output('outcome', outcome);
    output('block', plan ? String(plan.predicate.block.number) : '');
    output('shards', JSON.stringify(plan?.predicate.shards.map(({ index }) => index) ?? []));
    return;
  }
  const plan = await signedPlan(store, signer.address, input.block ?? -1);
  await downloadFiles('verdicts', folder);
  const judged = readJudged(join(folder, 'verdicts.json'));
  if ('void' in judged) await publishVoid(ports, plan, judged.void);
  else {
    for (const name of await artifactNames('traces-')) await downloadFiles(name, join(folder, 'round'));
    await publishRound(ports, plan, judged.body, readTraceFiles(join(folder, 'round')));
    summary(roundSummary(plan.predicate.block.number, judged.body));
  }
  output('outcome', 'void' in judged ? 'void' : 'round');
  if (input.audit !== undefined && input.token !== undefined) await dispatchWorkflow(input.token, input.audit, {});
});
