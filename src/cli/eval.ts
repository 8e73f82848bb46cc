import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { armOrder } from '../arena/plan.ts';
import { fromHex } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import type { Target } from '../harness/engine.ts';
import { HarnessError } from '../harness/errors.ts';
import { openClient } from '../harness/io/client.ts';
import { monotonicClock } from '../harness/io/clock.ts';
import { openReference } from '../harness/io/reference.ts';
import { writeTrace, writeWhole } from '../harness/io/trace-files.ts';
import { urlRuntime } from '../harness/io/url-runtime.ts';
import { runArm } from '../harness/load.ts';
import { teach, type TeacherCache } from '../harness/teach.ts';
import { tracePath, type TraceLine } from '../harness/trace.ts';
import { evalPlan } from '../pipeline/eval.ts';
import { openCorpus } from '../prompts/io/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer.ts';
import type { Run } from './commands.ts';
import { judgeFolder } from './eval-folder.ts';
import { arenaPath, readArena, ROOT, UsageError } from './io.ts';
import { optional, required } from './options.ts';
import { exitCodeOf, reportLines } from './report.ts';

function targetOf(text: string, option: string): Target & { kind: 'url' } {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) {
    if (text.startsWith('https'))
      throw new UsageError(`--${option} ${text}: the measuring client speaks plain HTTP`, 'give an http:// URL');
    return { kind: 'url', url: text.replace(/\/+$/, '') };
  }
  const image = /^[^@\s]+@(?<digest>.*)$/.exec(text);
  if (image && !/^sha256:[0-9a-f]{64}$/.test(image.groups!['digest']!))
    throw new UsageError(
      `--${option} ${text}: the digest is not sha256: and 64 lower-case hex digits`,
      'pin the image as name@sha256:…',
    );
  if (image)
    throw new UsageError(
      `--${option} ${text}: images need the container runtime, which this version does not have yet`,
      'start the server yourself and give its http:// URL',
    );
  throw new UsageError(`--${option} ${text} is neither an http:// URL nor image@sha256:…`, 'give, say, http://127.0.0.1:8000');
}

/** Time of a trace's last line. */
function lastNs(lines: readonly TraceLine[]): number {
  return lines.reduce((latest, line) => ('tNs' in line && typeof line.tNs === 'number' ? Math.max(latest, line.tNs) : latest), 0);
}

/** `cacheon eval`: one evaluation of running servers, by URL. Writes DIR/plan.json, the traces and verdict.json. */
export const run: Run = async (invocation) => {
  const { log, json } = invocation;
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const blockHash = required(invocation, 'block-hash');
  const out = resolve(required(invocation, 'out'));
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new UsageError(`--out ${out} is not empty`, 'name a new folder: evidence is never overwritten');
  const baseline = targetOf(required(invocation, 'baseline'), 'baseline');
  const challenger = targetOf(required(invocation, 'challenger'), 'challenger');
  const given = optional(invocation, 'incumbent');
  const incumbent = given === undefined ? null : targetOf(given, 'incumbent');
  const reference = targetOf(optional(invocation, 'reference') ?? baseline.url, 'reference');
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), log);
  const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
  const plan = evalPlan(arena, corpus, tokenizer, blockHash, {
    baseline: baseline.url,
    challenger: challenger.url,
    incumbent: incumbent?.url ?? null,
    reference: reference.url,
  });
  writeWhole(join(out, 'plan.json'), renderJson(plan));

  const ports = {
    clock: monotonicClock,
    runtime: urlRuntime,
    openClient: (url: string) => openClient(url, arena, monotonicClock),
  };
  const middle = armOrder(incumbent ? ['challenger', 'incumbent'] : ['challenger'], fromHex(blockHash)!, 0, 1) as (
    'challenger' | 'incumbent'
  )[];
  const arms = [
    { role: 'baseline' as const, run: 1 },
    ...middle.map((role) => ({ role, run: 1 })),
    { role: 'baseline' as const, run: 2 },
  ];
  const targets = { baseline, challenger, incumbent: incumbent ?? challenger };
  const runs: { role: (typeof arms)[number]['role']; run: number; lines: TraceLine[] }[] = [];
  for (const { role, run: nth } of arms) {
    log.info(`measuring ${role}${nth === 2 ? ' again, for drift' : ''} at ${targets[role].url} (${plan.prompts.length} prompts)`);
    const header = { role, key: null, blockHash, shard: 0, boot: 1, run: nth, startedAt: new Date().toISOString() };
    const lines = await runArm(ports, arena, targets[role], header, plan.prompts);
    runs.push({ role, run: nth, lines });
    // A baseline that is not there makes every other number meaningless: no need to wait for its last run.
    if (role === 'baseline' && nth === 1 && lines.some((line) => line.type === 'event' && line.name === 'start-timeout')) break;
  }
  for (const role of runs.length === 1 ? middle : []) {
    runs.push({
      role,
      run: 1,
      lines: [
        { ...runs[0]!.lines[0]!, role, image: targets[role].url },
        { type: 'event', tNs: 0, name: 'not-run' },
      ],
    });
  }
  log.info(`teacher-forcing the answers through ${reference.url}`);
  const cache: TeacherCache = new Map();
  const teacher = { reference: openReference(reference.url, arena.model.name), tokenizer };
  let broken: string | null = null;
  for (const { role, run: nth, lines } of runs) {
    let forced: TraceLine[] = [];
    try {
      if (broken === null) forced = await teach(lines, plan.prompts, teacher, arena, cache);
      const answered = lines.filter((line) => line.type === 'end' && line.outcome === 'done').length === plan.prompts.length;
      if (role === 'baseline' && nth === 1 && answered && forced.length === 0 && !arena.scoredLogprobs)
        broken = 'the reference gives no prompt_logprobs';
    } catch (error) {
      if (!(error instanceof HarnessError && error.code === 'REFERENCE_FAILED')) throw error;
      broken = error.message;
    }
    // The answers are evidence even where nobody could force them; without a reference nothing is judged.
    const failed: TraceLine[] =
      broken === null ? [] : [{ type: 'event', tNs: lastNs(lines), name: 'reference-failed', detail: broken }];
    writeTrace(out, tracePath(0, 1, role, nth), [...lines, ...forced, ...failed]);
  }
  if (broken !== null) log.warn(broken);
  const { report, text } = judgeFolder(out);
  writeWhole(join(out, 'verdict.json'), text);
  for (const line of reportLines(report)) log.info(line);
  if (json) process.stdout.write(text);
  return exitCodeOf(report.verdict);
};
