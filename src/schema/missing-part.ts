// What a trace that was cut at the end of a line lacks.
import type { Trace } from './trace.ts';

/**
 * The missing part of a trace that no fault ended; null where every prompt has its end. A cut at a
 * line's end leaves valid lines; only the plan's list of prompts shows that something is gone.
 */
export function missingPart(
  trace: Trace,
  prompts: readonly number[],
  faulted: boolean,
): string | null {
  const open = trace.requests.find((request) => request.end === null);
  if (open) return `prompt ${open.prompt} has no end`;
  if (faulted) return null;
  const missing = prompts.find(
    (index) => !trace.requests.some((request) => request.prompt === index),
  );
  return missing === undefined ? null : `prompt ${missing} is missing`;
}
