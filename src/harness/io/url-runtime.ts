import type { Engine, EngineRuntime } from '../engine.ts';
import { HarnessError } from '../errors.ts';

const never = new Promise<void>(() => undefined);

/** A runtime for servers that run already. It starts and stops nothing. */
export const urlRuntime: EngineRuntime = {
  start: (target): Promise<Engine> => {
    if (target.kind !== 'url')
      throw new HarnessError(
        'BAD_TARGET',
        'usage',
        `${target.image} is an image, and no runtime for images is at hand here`,
        'give the URL of a running server',
      );
    return Promise.resolve({
      url: target.url,
      image: target.url,
      exited: () => null,
      ended: never,
      stop: () => Promise.resolve(),
    });
  },
};
