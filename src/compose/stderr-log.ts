// The log of command-line programs, written to stderr so that stdout holds results only.
import type { Log } from '../core/log.ts';

/** People's text goes to stderr: stdout belongs to results. */
export const stderrLog: Log = {
  info: (text) => void process.stderr.write(`${text}\n`),
  warn: (text) => void process.stderr.write(`warning: ${text}\n`),
};
