// Command that serves a tiny inference engine on this machine.
import { UsageError } from '../compose/errors.ts';
import { namedImage, variantOfDigest } from '../devnet/engine-names.ts';
import { startEngine } from '../devnet/engine/engine-server.ts';
import { VARIANTS } from '../devnet/engine/variants/index.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, required, wholeNumber } from './options.ts';
import { stopSignal } from './stop.ts';

/** The engine by its name, or by the digest that stands for it where there are no images. */
function variantOf(invocation: Invocation): string {
  const digest = optional(invocation, 'digest');
  if (digest === undefined) return required(invocation, 'variant');
  const variant = variantOfDigest(digest);
  if (variant === null)
    throw new UsageError(`no engine of this repository has the digest ${digest}`, 'give --variant');
  return variant;
}

/** `cacheon devnet engine`: prints one JSON line with the URL, then serves; --list names them all. */
export const devnetEngineCommand: RunCommand = async (invocation) => {
  if (invocation.values['list'] === true) {
    const named = [...VARIANTS.keys()].map((name) => ({ name, ...namedImage(name) }));
    const lines = named.map(({ image, digest }) => `${image}  ${digest}\n`);
    process.stdout.write(invocation.json ? `${JSON.stringify(named)}\n` : lines.join(''));
    return 0;
  }
  const port = wholeNumber(invocation, 'port', 0, 65_535);
  const engine = await startEngine({
    variant: variantOf(invocation),
    ...(port === undefined ? {} : { port }),
  });
  process.stdout.write(
    `${JSON.stringify({ url: engine.url, variant: engine.variant.name, pid: process.pid })}\n`,
  );
  await stopSignal();
  await engine.close();
  return 0;
};
