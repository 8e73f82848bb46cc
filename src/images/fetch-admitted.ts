// Fetching of an image that was read: the engine must have seen the same image as we did.
import { compactJson } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { retry } from '../core/retry.ts';
import { ImageError } from './errors.ts';
import type { ImageFacts, ImageRefusal } from './examine.ts';
import type { ImageConfig } from './image-config.ts';
import type { ImageStore, LocalImage } from './image-store.ts';

/**
 * Admission asks a registry that failed once more after this; a registry that took longer to fail
 * has had its time.
 */
const AGAIN_MS = 5000;
const QUICK_NS = 60e9;

export type FetchPorts = {
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * An image that may be started, by its name on this machine: exactly the image that admission read.
 */
export type Admitted = { readonly id: string };

/**
 * Admission asks a registry that failed quickly once more: one error of a proxy is no reason to
 * send a miner to the next round.
 */
export async function patiently<T>(
  { clock, log }: Pick<FetchPorts, 'clock' | 'log'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const begun = clock.nowNs();
  const again = (error: unknown): boolean => {
    const passing =
      error instanceof ImageError && ['REGISTRY', 'REGISTRY_BUSY', 'DIGEST'].includes(error.code);
    if (!passing || clock.nowNs() - begun >= QUICK_NS) return false;
    log.warn(`${what}: ${messageOf(error)}: once more`);
    return true;
  };
  return retry(work, { waitsMs: [AGAIN_MS], sleep: (ms) => clock.sleep(ms), again });
}

/**
 * In what an image as we read it differs from what the engine made of it; null where in nothing.
 */
function difference(config: ImageConfig, local: LocalImage): string | null {
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    compactJson([...a]) === compactJson([...b]);
  if (!same(config.diffIds, local.diffIds)) return 'list of layers';
  if (!same(config.env, local.env)) return 'environment';
  if (local.volumes.length > 0) return 'list of volumes';
  if (local.onBuild.length > 0) return 'list of triggers';
  const { entrypoint, cmd, workingDir } = config.start;
  const { start } = local;
  return same(
    [...entrypoint, '|', ...cmd, workingDir],
    [...start.entrypoint, '|', ...start.cmd, start.workingDir],
  )
    ? null
    : 'program to start';
}

/**
 * Pulls the image that admission read. The engine reads the same bytes with another reader: it must
 * have seen the same image.
 */
export async function fetchAdmitted(
  ports: FetchPorts,
  image: string,
  facts: ImageFacts,
): Promise<Admitted | ImageRefusal> {
  const { images, log } = ports;
  const ref = { image, digest: facts.manifest };
  const result = await patiently(ports, image, () =>
    images.pull(ref, facts.size, (step) => log.progress(step)),
  );
  if (result.state === 'gone') return { name: 'image-gone', detail: result.detail };
  if (result.state === 'refused') return { name: 'image-content', detail: result.detail };
  const differs = difference(facts.config, result.value);
  if (differs !== null)
    return {
      name: 'image-content',
      detail: `the engine reads another ${differs} in it than we do`,
    };
  return { id: result.value.id };
}
