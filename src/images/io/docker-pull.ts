// Pulls of images into the local engine through our relay, and what each way of failing means.
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { messageOf } from '../../core/errors.ts';
import type { Progress } from '../../core/log.ts';
import { dockerError, followed } from '../../node/docker.ts';
import { type ImageRef, imageRefText } from '../../schema/image-ref.ts';
import { ImageError } from '../errors.ts';
import type { LocalImage, Pulled } from '../image-store.ts';
import { diskFull, openRelay, registryError, type Relay } from './pull-relay.ts';
import type { Repository } from './registry.ts';

/** People are told how far a pull is this often. */
const TELL_MS = 500;
/**
 * What an engine says of a layer that it cannot put on disk (by itself, or by containerd): by the
 * end of its message, since what stands before may be a name in the layer. Anything else (no space,
 * a killed helper, a broken disk) is the machine's.
 */
const UNPACKING = /^failed to (?:register|extract) layer/;
const CANNOT_UNPACK =
  /^failed to (?:register|extract) layer.*(?:not a directory|is a directory|too many levels of symbolic links|file name too long|archive\/tar: [a-z -]+)$/s;

/**
 * The engine's message for a configuration that it cannot read, though we can: it wants a time
 * where a time belongs, as many layers in the history.
 */
const CANNOT_READ = /json: cannot unmarshal|parsing time|in History section|invalid image config/;
const DISK_FULL = /no space left on device|disk quota exceeded/i;

/** A list as the engine tells it: a list, one text, or nothing. */
function list(value: unknown): string[] {
  if (Array.isArray(value)) return value as string[];
  return typeof value === 'string' ? [value] : [];
}
const names = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.keys(value) : [];

/** The image as the engine has it; null where it is not here. */
export async function localImage(docker: Docker, name: string): Promise<LocalImage | null> {
  try {
    const { Id, RootFS, Config } = await docker.getImage(name).inspect();
    return {
      id: Id,
      diffIds: list(RootFS.Layers),
      env: list(Config.Env),
      volumes: names(Config.Volumes),
      onBuild: list(Config.OnBuild),
      start: {
        entrypoint: list(Config.Entrypoint),
        cmd: list(Config.Cmd),
        workingDir: list(Config.WorkingDir)[0] ?? '',
      },
    };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return null;
    throw dockerError('an image cannot be looked at', error);
  }
}

/** What is to be pulled, and how. */
export type Wanted = {
  readonly ref: ImageRef;
  readonly limitMs: number;
  /** Folder for layers under way. */
  readonly spool: string;
  readonly progress: (step: Progress) => void;
};

/** Tells people how far a pull is, until it is stopped. */
function tellProgress({ ref, progress }: Wanted, relay: Relay): NodeJS.Timeout {
  return setInterval(() => {
    const { bytes, of } = relay.moved();
    const what = bytes < of ? 'MB pulled' : 'MB pulled, being unpacked';
    const megabytes = (count: number): number => Math.round(count / 1e6);
    const total = megabytes(of);
    // It is not over before the engine has unpacked the last layer.
    progress({ what: `${what}: ${ref.image}`, done: Math.min(megabytes(bytes), total - 1), total });
  }, TELL_MS);
}

/** What a failed pull means: the image is gone, it is refused, or an infrastructure fault to throw. */
function failedPull(ref: ImageRef, relay: Relay, text: string, error: unknown): Pulled {
  const trouble = relay.trouble();
  if (trouble && 'gone' in trouble) return { state: 'gone', detail: trouble.gone };
  if (trouble) throw registryError(trouble.error);
  // Every byte of it was what its digest says: the engine's refusal is about what is in it.
  if (CANNOT_UNPACK.test(text) || CANNOT_READ.test(text))
    return { state: 'refused', detail: `the engine cannot read it: ${text}`.slice(0, 250) };
  if (DISK_FULL.test(text)) throw diskFull(text);
  if (UNPACKING.test(text)) throw dockerError('a layer cannot be put on the disk', error);
  if (!relay.reached())
    throw dockerError(
      `the engine does not reach ${relay.name.split('/')[0]!}: it must share this machine's loopback (no other host, no network namespace of its own)`,
      error,
    );
  // Also any other objection of an engine to an image: an infrastructure fault, but of the image
  // alone, so that the miner wins nothing by it.
  throw new ImageError(
    'REGISTRY',
    'infra',
    `${imageRefText(ref)} cannot be pulled: ${text.slice(0, 200)}`,
    'try again; if it stays, look at the registry',
  ).causedBy(error);
}

/** Pulls what a relay offers, and gives the image as the engine has it then. */
async function pullThrough(
  docker: Docker,
  { name }: Relay,
  over: AbortSignal,
): Promise<LocalImage> {
  const stream = await docker.pull(name, { abortSignal: over });
  over.addEventListener('abort', () =>
    (stream as unknown as Readable).destroy(new Error('its time is over')),
  );
  const faults: string[] = [];
  await followed(docker, stream, (event) => {
    const { error } = event as { readonly error?: string };
    if (error !== undefined) faults.push(error);
  });
  if (faults.length > 0) throw new Error(faults[0]);
  const pulled = await localImage(docker, name);
  if (!pulled) throw new Error('it is not there after its pull');
  return pulled;
}

/**
 * Pulls an image from a repository within its time; `onBrought` is told the name that it has here.
 * Throws `REGISTRY`, `DISK` and `DOCKER`.
 */
export async function pullImage(
  docker: Docker,
  repository: Repository,
  wanted: Wanted,
  onBrought: (id: string, name: string) => void,
): Promise<Pulled> {
  const { ref, limitMs, spool } = wanted;
  const broken = new AbortController();
  // From before the first byte: an engine that dies while it is asked says nothing at all.
  const late = AbortSignal.timeout(limitMs);
  const relay = await openRelay(repository, ref.digest, spool, () => broken.abort());
  const telling = tellProgress(wanted, relay);
  try {
    const value = await pullThrough(docker, relay, AbortSignal.any([late, broken.signal]));
    onBrought(value.id, relay.name);
    return { state: 'found', value };
  } catch (error) {
    const text = late.aborted
      ? `not done within ${Math.round(limitMs / 1000)} s`
      : messageOf(error);
    return failedPull(ref, relay, text, error);
  } finally {
    clearInterval(telling);
    wanted.progress({ what: `pulled: ${ref.image}`, done: 1, total: 1 });
    await relay.close();
  }
}
