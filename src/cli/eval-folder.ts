// Judges a folder that an evaluation left, from its plan and traces alone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { readTrace } from '../ledger/io/evidence-files.ts';
import { judgeEvaluation } from '../judge/evaluation.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { arenaSchema } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import type { EvalPlan } from '../schema/evaluation-plan.ts';
import { tracePath } from '../schema/paths.ts';
import type { Report } from '../schema/report.ts';
import type { Trace } from '../schema/trace.ts';
import { ROOT } from '../compose/repository.ts';

const promptSchema = z.object({
  index: z.number().int().nonnegative(),
  pool: z.enum(['warmup', 'scored']),
  tokens: z.number().int().positive(),
  messages: z.array(
    z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
  ),
});
const planSchema = z.object({
  schema: z.literal(1),
  kind: z.literal('evaluation'),
  arena: arenaSchema,
  seed: z.string(),
  tokenizerSha256: z.string(),
  corpus: z.string(),
  promptSuiteSha256: z.string(),
  prompts: z.array(promptSchema).min(1),
  targets: z.object({
    baseline: z.string(),
    challenger: z.string(),
    incumbent: z.string().nullable(),
    reference: z.string(),
  }),
});

/** A trace must be the one its path says: a copied file would hide what was really measured. */
function assertHeader(
  { header }: Trace,
  path: string,
  expected: { role: string; run: number; seed: string },
): void {
  const same =
    header.role === expected.role && header.run === expected.run && header.seed === expected.seed;
  if (!same)
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${path} has the header of another run`,
      'the trace is edited or misplaced: fetch it again',
    );
}

/**
 * Judges an evaluation folder from its plan and traces, and nothing else. Throws `BAD_PLAN` or
 * `BAD_TRACE` where they cannot be read.
 */
export function judgeFolder(folder: string): { report: Report; text: string } {
  const file = join(folder, 'plan.json');
  let plan: EvalPlan;
  try {
    plan = planSchema.parse(parseStrictJson(readFileSync(file, 'utf8'), RECORD_JSON));
  } catch (error) {
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `${file} is not the plan of an evaluation: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 200)}`,
      'measure again',
    ).causedBy(error);
  }
  const trace = (name: string, run: number): Trace | null => {
    const path = tracePath(0, 1, name, run);
    const found = readTrace(folder, path);
    if (found) assertHeader(found, path, { role: name, run, seed: plan.seed });
    return found;
  };
  const must = (name: string): Trace => {
    const found = trace(name, 1);
    if (found) return found;
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${tracePath(0, 1, name, 1)} is missing in ${folder}`,
      'fetch the trace again, or measure again',
    );
  };
  const first = must('baseline');
  must('challenger');
  if (plan.targets.incumbent !== null) must('incumbent');
  // Without its last run a healthy baseline could hide its drift.
  if (
    trace('baseline', 2) === null &&
    first.requests.length > 0 &&
    first.requests.every(({ end }) => end?.outcome === 'done')
  ) {
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${tracePath(0, 1, 'baseline', 2)} is missing in ${folder}`,
      'fetch the trace again, or measure again',
    );
  }
  const report = judgeEvaluation(plan, trace, loadTokenizer(plan.arena.tokenizer, ROOT));
  return { report, text: renderJson(report) };
}
