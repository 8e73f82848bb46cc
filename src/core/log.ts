// The port of messages for people.
/** Where people's text goes (stderr, or the log of a workflow). */
export interface Log {
  /** One line about what is being done. */
  info(text: string): void;
  /** Something a person should look at. */
  warn(text: string): void;
}

/** A log that says nothing. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined };
