// Waits until a serving process is told to stop, or until its parent process is gone.
/**
 * Resolves when a signal asks this process to end, or when the parent that holds its leash is gone.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    if (process.env['CACHEON_LEASH'] === 'stdin')
      process.stdin.on('close', () => resolve()).resume();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
