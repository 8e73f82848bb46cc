// Command that measures a server or container image against a baseline and reports a verdict.
import { join } from 'node:path';
import { measureTargets, type Targets } from '../compose/measuring-targets.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { renderJson } from '../core/canonical.ts';
import { evalPlan } from '../judge/evaluation.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { imageRefText } from '../schema/image-ref.ts';
import type { Invocation, RunCommand } from './command.ts';
import { targetOf } from './engine-target.ts';
import { judgeFolder } from './eval-folder.ts';
import { newFolder, optional, required, seedOf } from './options.ts';
import { exitCodeOf, reportLines } from './verdict-table.ts';

const nameOf = (target: EngineTarget): string =>
  target.kind === 'url' ? target.url : imageRefText(target);

/** Who takes part; the baseline itself forces tokens where no reference is named. */
function targetsOf(invocation: Invocation): Targets {
  const baseline = targetOf(required(invocation, 'baseline'), 'baseline');
  const challenger = targetOf(required(invocation, 'challenger'), 'challenger');
  const incumbent = optional(invocation, 'incumbent');
  const reference = optional(invocation, 'reference');
  return {
    baseline,
    challenger,
    incumbent: incumbent === undefined ? null : targetOf(incumbent, 'incumbent'),
    reference: reference === undefined ? baseline : targetOf(reference, 'reference'),
  };
}

/**
 * `cacheon eval`: one evaluation of running servers or images. Writes DIR/plan.json, the traces and
 * verdict.json.
 */
export const evalCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const seed = seedOf(invocation);
  const out = newFolder(required(invocation, 'out'));
  const targets = targetsOf(invocation);
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), log);
  const plan = evalPlan(arena, corpus, loadTokenizer(arena.tokenizer, ROOT), {
    seed,
    targets: {
      baseline: nameOf(targets.baseline),
      challenger: nameOf(targets.challenger),
      incumbent: targets.incumbent && nameOf(targets.incumbent),
      reference: nameOf(targets.reference),
    },
  });
  writeWhole(join(out, 'plan.json'), renderJson(plan));
  await measureTargets({
    root: ROOT,
    arena,
    plan,
    targets,
    keep: (path, content) => writeEvidence(out, path, content),
    log,
  });
  const { report, text } = judgeFolder(out);
  writeWhole(join(out, 'verdict.json'), text);
  for (const line of reportLines(report)) log.info(line);
  if (json) process.stdout.write(text);
  return exitCodeOf(report.verdict);
};
