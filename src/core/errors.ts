// Base class of all errors, with a code, a hint and the exit status of a command.
/**
 * Why a command did not do its work: a mistake of the caller, a fault of the world around it, or the
 * caller's own no to a question. Verdicts are values, never errors.
 */
export type ErrorKind = 'usage' | 'infra' | 'declined';

/**
 * The base of every module's own error class: what was wrong (message), which one (code), and what
 * to do (hint). `usage` ends a command with exit code 2, `infra` with 3, `declined` with 1 (RULES "Exit codes").
 */
export class CacheonError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly outcome: ErrorKind;
  readonly hint: string;

  constructor(code: Code, outcome: ErrorKind, message: string, hint: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.outcome = outcome;
    this.hint = hint;
  }

  /** The same error, with what led to it. */
  causedBy(cause: unknown): this {
    this.cause = cause;
    return this;
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
