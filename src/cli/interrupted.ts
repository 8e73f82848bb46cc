// What a person is told who ends a command with Ctrl-C while it must not be lost.

/** What a shell makes of SIGINT. */
const INTERRUPTED = 130;

/**
 * Says at Ctrl-C what is safe to do next, and ends with 130 (RULES "Exit codes"). Returns what takes
 * it away again.
 */
export function atInterrupt(text: string): () => void {
  const tell = (): void => {
    process.stderr.write(`\n${text}\n`);
    process.exit(INTERRUPTED);
  };
  process.once('SIGINT', tell);
  return () => void process.off('SIGINT', tell);
}
