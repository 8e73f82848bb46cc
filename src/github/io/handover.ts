import { existsSync, readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../../core/strict-json.ts';
import type { PlanDraft } from '../../pipeline/scan.ts';
import { readFolder } from '../../results/io/git-store.ts';
import { PREDICATES, roundBody, statementSchema, type RoundBody } from '../../results/schema.ts';
import { MAX_RECORD_BYTES } from '../../results/verify.ts';
import { GithubError } from '../errors.ts';

/** Path of a trace inside a round. Anything else in an artifact is refused: it came from a machine that runs strangers' code. */
const TRACE = /^traces\/\d+\/\d+\/[A-Za-z0-9]+(?:-\d+)?(?:\.\d+)?\.ndjson\.gz$/;

const draft = z.strictObject({ kind: z.literal('plan'), path: z.string().regex(/^rounds\/\d+\/plan\.json$/), subject: statementSchema.shape.subject, predicate: PREDICATES.plan.omit({ seq: true, prev: true }) });
const judged = z.union([z.strictObject({ body: roundBody }), z.strictObject({ void: z.string().min(1).max(500) })]);

function read<T>(file: string, schema: z.ZodType<T>): T {
  try {
    if (statSync(file).size > MAX_RECORD_BYTES) throw new Error(`larger than ${MAX_RECORD_BYTES} bytes`);
    return schema.parse(parseStrictJson(readFileSync(file, 'utf8'), RECORD_JSON));
  } catch (error) {
    throw new GithubError('NO_ARTIFACT', 'infra', `the artifact's ${file.split('/').at(-1) ?? file} cannot be used: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 300)}`, 'run the job that makes it again', error);
  }
}

/** The plan that `scan` handed over. */
export function readDraft(file: string): PlanDraft {
  return read(file, draft);
}

/** What `judge` handed over: a round's body, or why it is void. */
export function readJudged(file: string): { body: RoundBody } | { void: string } {
  return read(file, judged);
}

/** Trace files of a folder, by path under the round. */
export function readTraceFiles(folder: string): Map<string, Uint8Array> {
  if (!existsSync(folder)) return new Map();
  const files = readFolder(folder);
  for (const path of files.keys()) if (!TRACE.test(path)) throw new GithubError('NO_ARTIFACT', 'infra', `the traces hold a file ${path.slice(0, 100)} that is no trace`, 'only the evaluate action may upload traces');
  return files;
}
