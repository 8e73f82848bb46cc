// What the entry point of a GitHub action works with: checked inputs, log, outputs, job summary.
import type { Log } from '../core/log.ts';

/** What an action's `main.ts` works with: checked inputs, outputs, a summary. */
export type ActionContext<Input> = {
  readonly input: Input;
  readonly log: Log;
  /** Sets a step output. */
  output(name: string, value: string): void;
  /** Adds Markdown to the job's summary. */
  summary(markdown: string): void;
  /** Adds Markdown to the job's summary at once: it stands there also where the job is ended. */
  progress(markdown: string): void;
};
