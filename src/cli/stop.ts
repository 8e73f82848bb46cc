// Waits until a serving process is told to stop, or until its parent process is gone.
/** Resolves when this process is asked to end, or when who started it on a leash is gone. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    if (process.env['CACHEON_LEASH'] === 'stdin')
      process.stdin.on('close', () => resolve()).resume();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
