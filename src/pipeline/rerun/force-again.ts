// Forces a round's recorded answers through a reference once more: whoever has the model can check the gate.
import { marginNats } from '../../judge/margin-gate.ts';
import { MeasureError } from '../../measure/errors.ts';
import type { ForcedLogprobs, Reference } from '../../measure/reference.ts';
import { promptsPath } from '../../schema/paths.ts';
import type { BootBodies } from '../../schema/boot-bodies.ts';
import type { Teacher, Trace, TracedRequest } from '../../schema/trace.ts';
import type { RoundEvidence } from '../../judge/drawn-plan.ts';

/** What forcing again came to. */
export type ForcedAgain = {
  /** The round's traces with the values of now. */
  readonly traces: Map<string, Trace>;
  readonly answers: number;
  readonly tokens: number;
  /** Largest difference of a token's margin between then and now, in nats; null where one has no value. */
  readonly largestNats: number | null;
};

/** How far two forcings of one answer lie apart, in nats. */
function apart(before: Teacher, now: ForcedLogprobs): number {
  const differences = before.tokenIds.map((_, i) => {
    const [then, again] = [
      marginNats(before.top[i]!, before.own[i]!),
      marginNats(now.top[i] ?? null, now.own[i] ?? null),
    ];
    return then === again ? 0 : Math.abs(then - again);
  });
  return Math.max(0, ...differences);
}

/** A boot whose answers are forced: honest servers give the same ones, and each is forced once. */
type Boot = {
  readonly bodies: BootBodies;
  readonly reference: Reference;
  readonly cache: Map<string, ForcedLogprobs>;
};

/** Forces one recorded answer. Throws where the reference gives nothing. */
async function forceOne(
  prompt: number,
  { tokenIds }: Teacher,
  { bodies, reference, cache }: Boot,
): Promise<ForcedLogprobs> {
  if (tokenIds.length === 0) return { top: [], second: [], own: [] };
  const key = `${prompt}:${tokenIds.join()}`;
  const before = cache.get(key);
  if (before) return before;
  const body = bodies.get(prompt);
  const ids = body ? await reference.promptIds(body.body.messages) : null;
  const forced = ids && (await reference.force(ids, tokenIds));
  if (forced) {
    cache.set(key, forced);
    return forced;
  }
  throw new MeasureError(
    'REFERENCE_FAILED',
    'infra',
    `the reference gives no prompt_logprobs for prompt ${prompt}`,
    'start it as the arena says, with the same model',
  );
}

/**
 * Forces every answer that a round's machines forced, the same tokens after the same prompts, and
 * puts the values of now in place of the recorded ones.
 */
export async function forceAgain(
  { traces, bodies }: RoundEvidence,
  reference: Reference,
  progress: (done: number, all: number) => void,
): Promise<ForcedAgain> {
  const boots = new Map(
    [...bodies].map(([path, asked]): [string, Boot] => [
      path,
      { bodies: asked, reference, cache: new Map() },
    ]),
  );
  const out = new Map<string, Trace>();
  let [answers, tokens, largestNats] = [0, 0, 0];
  for (const [path, trace] of traces) {
    const boot = boots.get(promptsPath(trace.header.shard, trace.header.boot));
    const requests: TracedRequest[] = [];
    for (const request of trace.requests) {
      const { prompt, teacher } = request;
      const now = teacher && boot ? await forceOne(prompt, teacher, boot) : null;
      requests.push(teacher && now ? { ...request, teacher: { ...teacher, ...now } } : request);
      if (!teacher || !now) continue;
      answers++;
      tokens += teacher.tokenIds.length;
      largestNats = Math.max(largestNats, apart(teacher, now));
    }
    out.set(path, { ...trace, requests });
    progress(out.size, traces.size);
  }
  const known = Number.isFinite(largestNats);
  return { traces: out, answers, tokens, largestNats: known ? largestNats : null };
}
