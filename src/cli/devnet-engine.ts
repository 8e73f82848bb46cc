import { startEngine } from '../devnet/engine/server.ts';
import type { Run } from './commands.ts';
import { required, wholeNumber } from './options.ts';
import { stopSignal } from './stop.ts';

/** `cacheon devnet engine`: prints one JSON line with the URL, then serves. */
export const run: Run = async (invocation) => {
  const port = wholeNumber(invocation, 'port', 0, 65_535);
  const engine = await startEngine({
    variant: required(invocation, 'variant'),
    ...(port === undefined ? {} : { port }),
  });
  process.stdout.write(
    `${JSON.stringify({ url: engine.url, variant: engine.variant.name, pid: process.pid })}\n`,
  );
  await stopSignal();
  await engine.close();
  return 0;
};
