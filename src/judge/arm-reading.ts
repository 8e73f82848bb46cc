// Reads one arm's run: its answers by prompt, and the fault that ended it.
import { type Answer, type Fault, readAnswer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { BootPrompts } from '../prompts/suites.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { missingPart } from '../schema/missing-part.ts';
import { because, said } from '../schema/reasons.ts';
import type { Trace, TracedRequest } from '../schema/trace.ts';
import { eventSentence, verdictOfEvent } from '../schema/trace-events.ts';
import { voidSampleReason } from './void-samples.ts';

/** What judging needs beside the traces. */
export type JudgeContext = {
  readonly arena: MeasuringRules;
  readonly tokenizer: Tokenizer;
  readonly prompts: BootPrompts;
};

/** One arm's run, read: its answers by prompt, or the fault that ended it. */
export type ArmReading = {
  readonly trace: Trace;
  readonly fault: Fault | null;
  /** The first scored sample that the client itself spoilt. */
  readonly voided: Fault | null;
  readonly answers: ReadonlyMap<number, { answer: Answer; sentNs: number }>;
};

/** What was found in the requests of a run so far. */
type Found = {
  readonly faults: Fault[];
  readonly voids: Fault[];
  readonly answers: Map<number, { answer: Answer; sentNs: number }>;
};

/** What the events of a run's lifecycle say against it. */
function eventFaults({ events }: Trace): Fault[] {
  return events.flatMap(({ name, tNs, detail }) => {
    const verdict = verdictOfEvent(name);
    return verdict === null
      ? []
      : [{ verdict, ...because(name, eventSentence(name, detail)), tNs }];
  });
}

/** A sample that the client itself spoilt; null where it stands. */
function spoilt(request: TracedRequest, { arena }: JudgeContext): Fault | null {
  const why = voidSampleReason(request, arena);
  if (why === null) return null;
  const sentence = `prompt ${request.prompt}: ${why.reason}`;
  return { verdict: 'INFRA_CLOCK', ...said(sentence, why), tNs: request.end!.tNs };
}

/** Reads one request that has its end. */
function readRequest(request: TracedRequest, context: JudgeContext, found: Found): void {
  const { prompt, warmup, sentNs, end } = request;
  const voided = spoilt(request, context);
  if (voided !== null) {
    if (!warmup) found.voids.push(voided);
    // A deadline that passed while the client had no core is no miner's loss.
    if (end!.outcome === 'timeout') {
      found.faults.push(voided);
      return;
    }
  }
  const read = readAnswer(request, context.tokenizer, context.arena);
  if ('fault' in read) {
    found.faults.push(read.fault);
    return;
  }
  const { answer } = read;
  found.answers.set(prompt, { answer, sentNs });
  const mute = answer.logprobs.length === 0 || answer.logprobs.some(({ top }) => top.length === 0);
  if (warmup && mute)
    found.faults.push({
      verdict: 'E_API',
      ...because('no-logprobs', `prompt ${prompt}: no logprobs, though asked for`),
      tNs: end!.tNs,
    });
}

/**
 * Reads every answer of a run. Throws `BAD_TRACE` where the run was ended neither by a fault nor as
 * too slow, and yet lacks a prompt.
 */
export function readArm(trace: Trace, context: JudgeContext): ArmReading {
  const { prompts } = context;
  const found: Found = { faults: eventFaults(trace), voids: [], answers: new Map() };
  for (const request of trace.requests)
    if (request.end !== null) readRequest(request, context, found);
  // The earliest fault in time; the sort is stable, so at one moment the order above (lifecycle,
  // protocol, content) decides.
  const fault = found.faults.sort((a, b) => a.tNs - b.tNs)[0] ?? null;
  const ended = fault !== null || trace.events.some(({ name }) => name === 'too-slow');
  const missing = missingPart(trace, [...prompts.warmup, ...prompts.scored], ended);
  if (missing !== null) throw cutTrace(trace, missing);
  return { trace, fault, voided: found.voids[0] ?? null, answers: found.answers };
}

/** The error for a trace that lacks something. */
export function cutTrace({ header: { role, key, run } }: Trace, missing: string): DocumentError {
  return new DocumentError(
    'BAD_TRACE',
    'usage',
    `the trace of ${key ?? role} run ${run} is cut: ${missing}`,
    'fetch the trace again, or measure again',
  );
}
