// Wires everything that measuring needs to this machine: containers, GPUs, clock, client, caches.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readConfig } from '../images/image-config.ts';
import type { Arena } from '../schema/arena.ts';
import type { EngineRuntime, EngineTarget } from '../measure/engine.ts';
import { fetchArenaImage } from '../images/arena-image.ts';
import type { ImageStore } from '../images/image-store.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { dockerImages } from '../images/io/docker-images.ts';
import { prepareHost } from '../sandbox/io/docker-host.ts';
import { idleWatch } from '../sandbox/io/idle-gpus.ts';
import { type EngineCommand, processRuntime } from '../measure/io/process-runtime.ts';
import { processGroundTruth, checkClock } from '../measure/io/clock-check.ts';
import { urlRuntime } from '../measure/io/url-runtime.ts';
import type { BootPorts } from '../pipeline/evaluate/boot-parts.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';

/** Everything that measuring needs; `images` is null where no registry is involved. */
export type MeasuringPorts = BootPorts & {
  readonly images: ImageStore | null;
  /** Lets another evaluation have this machine. */
  readonly close: () => Promise<void>;
};
/**
 * What is to be run: servers by URL, engines of this repository as processes (trusted code only),
 * or images in containers.
 */
export type Engines =
  | { readonly kind: 'urls' }
  | { readonly kind: 'processes'; readonly command: string; readonly args?: readonly string[] }
  | { readonly kind: 'containers' };

/** Where what was read of image layers is remembered. */
const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cacheon', 'layers');

/**
 * Admission refuses an image that declares a volume: asked of the real rule, as part of probe C17.
 */
export function refusesVolumes(): boolean {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { diff_ids: [] },
    config: { Entrypoint: ['/x'], Volumes: { '/data': {} } },
  };
  return !readConfig(JSON.stringify(config), 0, new Set()).ok;
}

/** The command for a tiny engine by its digest; the command line knows which digests there are. */
const tinyEngine = (
  { command, args = [] }: { readonly command: string; readonly args?: readonly string[] },
  digest: string,
): EngineCommand => ({ command, args: [...args, 'devnet', 'engine', '--digest', digest] });

/**
 * Wires what measuring needs to this machine. Throws where it is not fit for it: an open sandbox, a
 * wrong clock.
 */
export async function measuringPorts(
  arena: Arena,
  root: string,
  engines: Engines,
  { log, keep }: Pick<BootPorts, 'log' | 'keep'>,
): Promise<MeasuringPorts> {
  const base = {
    clock: monotonicClock,
    tokenizer: loadTokenizer(arena.tokenizer, root),
    log,
    keep,
    now: () => new Date().toISOString(),
  };
  const urls = urlRuntime(arena);
  if (engines.kind === 'containers') {
    const host = await prepareHost(arena, {
      models: resolve(root, arena.model.path),
      images: {
        open: (docker) =>
          dockerImages(docker, {
            loopback: arena.loopbackImages,
            cacheFolder: cacheFolder(),
            mirror: process.env['CACHEON_MIRROR'] || null,
          }),
        fetch: fetchArenaImage,
      },
      volumePolicy: refusesVolumes(),
      log,
    });
    const { facts, clock, images } = host;
    const idle = facts.gpus.length === 0 ? {} : { idle: idleWatch(monotonicClock) };
    return {
      ...base,
      ...idle,
      runtime: either(urls, host.runtime),
      images,
      header: { host: facts, clock },
      close: host.close,
    };
  }
  const clock = await checkClock(() => processGroundTruth(arena), arena.clock, log);
  const processes =
    engines.kind === 'processes'
      ? processRuntime(arena, (digest) => tinyEngine(engines, digest))
      : urls;
  return {
    ...base,
    runtime: either(urls, processes),
    images: null,
    header: { host: { sandbox: 'none: trusted servers only' }, clock },
    close: () => Promise.resolve(),
  };
}

const either = (urls: EngineRuntime, images: EngineRuntime): EngineRuntime => ({
  start: (target: EngineTarget) => (target.kind === 'url' ? urls : images).start(target),
});
