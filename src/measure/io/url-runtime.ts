// Measuring of inference servers that already run at a URL.
import { MeasureError } from '../errors.ts';
import type { Engine, EngineRuntime } from '../engine.ts';
import type { ServerAddress } from './connection.ts';
import type { ClientRules } from './measuring-client.ts';
import { openSidecar } from './measuring-sidecar.ts';
import { processSidecar } from './sidecar-process.ts';

const never = new Promise<void>(() => undefined);

/** Where a URL's server listens. */
export function addressOf(url: string): ServerAddress {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) };
}

/** A runtime for servers that run already. It starts and stops only the measuring client. */
export function urlRuntime(rules: ClientRules): EngineRuntime {
  return {
    start: (target): Promise<Engine> => {
      if (target.kind !== 'url')
        throw new MeasureError(
          'BAD_TARGET',
          'usage',
          `${target.image} is an image, and no runtime for images is at hand here`,
          'give the URL of a running server',
        );
      return Promise.resolve({
        image: target.url,
        connect: () => openSidecar(processSidecar(), addressOf(target.url), rules),
        exited: () => null,
        ended: never,
        stop: () => Promise.resolve(),
        log: () => null,
      });
    },
  };
}
