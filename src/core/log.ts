// The port of messages for people.
/** How far something is that takes more than a moment: `done` of `total`, in the unit of `what`. */
export type Progress = { readonly what: string; readonly done: number; readonly total: number };

/** Where people's text goes (stderr, or the log of a workflow). */
export interface Log {
  /** One line about what is being done. */
  info(text: string): void;
  /** Something a person should look at. */
  warn(text: string): void;
  /** How far it is: a bar on a terminal, elsewhere a line now and then. */
  progress(step: Progress): void;
}

/** Lines in place of bars come this often. */
const LINE_MS = 30_000;

/**
 * Progress for a log that draws no bars: a line every half a minute, so that a log file neither
 * fills nor falls silent. What is over before that leaves no line.
 */
export function pacedLines(
  say: (text: string) => void,
  nowMs: () => number,
): (step: Progress) => void {
  let last: { readonly what: string; readonly atMs: number } | null = null;
  return ({ what, done, total }) => {
    const at = nowMs();
    if (last?.what !== what) last = { what, atMs: at };
    if (at - last.atMs < LINE_MS) return;
    last = { what, atMs: at };
    say(`  ${done}/${total} ${what}`);
  };
}

const nothing = (): void => undefined;

/** A log that says nothing. */
export const silentLog: Log = { info: nothing, warn: nothing, progress: nothing };
