// The port of messages for people.
/** How far something is that takes more than a moment: `done` of `total`, in the unit of `what`. */
export type Progress = { readonly what: string; readonly done: number; readonly total: number };

/** Where people's text goes (stderr, or the log of a workflow). */
export interface Log {
  /** One line about what is being done. */
  info(text: string): void;
  /** Something a person should look at. */
  warn(text: string): void;
  /** How far it is: drawn on a terminal, and nowhere else. */
  progress(step: Progress): void;
}

const nothing = (): void => undefined;

/** A log that says nothing. */
export const silentLog: Log = { info: nothing, warn: nothing, progress: nothing };
