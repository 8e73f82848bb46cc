import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArena } from '../../src/arena/schema.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { artifactNames, downloadFiles, uploadFiles } from '../../src/github/io/artifacts.ts';
import { readTraceFiles } from '../../src/github/io/handover.ts';
import { main } from '../../src/github/io/run-action.ts';
import { unpackTrace } from '../../src/harness/io/trace-files.ts';
import { firstDifference } from '../../src/pipeline/audit.ts';
import { judgeRound } from '../../src/pipeline/judge.ts';
import { signedPlan, soundLedger } from '../../src/pipeline/sound-ledger.ts';
import { loadTokenizer } from '../../src/prompts/io/tokenizer.ts';
import { gitStore } from '../../src/results/io/git-store.ts';
import { recordsOf } from '../../src/results/ledger.ts';
import { inputs } from './inputs.ts';

void main('judge', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const store = gitStore({ folder: root, remote: null });
  const plan = await signedPlan(store, input.validator, input.block);
  const folder = mkdtempSync(join(tmpdir(), 'judge-'));
  const names = await artifactNames('traces-');
  for (const name of names) await downloadFiles(name, join(folder, 'round'));
  const file = join(folder, 'verdicts.json');
  if (names.length === 0) writeFileSync(file, renderJson({ void: 'the evaluation left no trace' }));
  else {
    const traces = new Map([...readTraceFiles(join(folder, 'round'))].map(([path, bytes]) => [path, unpackTrace(bytes, path)]));
    const arena = parseArena(plan.predicate.arena, 'the plan');
    const body = judgeRound(plan, traces, loadTokenizer(arena.tokenizer, root));
    writeFileSync(file, renderJson({ body }));
    summary(roundSummary(input.block, body));
    const recorded = recordsOf(soundLedger(input.validator, await store.read(input.validator)), 'round').find((round) => round.predicate.plan === plan.sha256);
    if (recorded) {
      const verdicts = (entries: readonly { key: string; verdict: string }[]): string[] => entries.map(({ key, verdict }) => `${key} ${verdict}`);
      summary(`Compared with the recorded round: ${firstDifference(verdicts(recorded.predicate.entries), verdicts(body.entries)) ?? 'the same verdicts'}\n`);
    }
  }
  await uploadFiles('verdicts', folder, [file]);
  output('void', String(names.length === 0));
  log.info(names.length === 0 ? 'no traces: the round will be void' : `judged ${names.length} shards`);
});
