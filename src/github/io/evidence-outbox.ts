// Hands evidence over as artifacts, arm by arm, so that what one arm loses no other does.
import type { Log } from '../../core/log.ts';
import { messageOf } from '../../core/errors.ts';
import { ARTIFACTS } from '../../schema/artifacts.ts';
import { firstNumber, packFiles } from '../artifact-content.ts';
import { GithubError } from '../errors.ts';

/** Uploads an artifact under a name of its own. */
export type Upload = (name: string, content: string) => Promise<void>;

type Parcel = { readonly name: string; readonly files: ReadonlyMap<string, Uint8Array> };

/** Where an evidence file belongs: shard and boot; images and the like belong to boot 1. */
function placeOf(path: string): { readonly shard: number; readonly boot: number } {
  const [, shard, boot] = /^[a-z]+\/(\d+)\/(\d+)?/.exec(path) ?? [];
  return { shard: Number(shard ?? 0), boot: Number(boot ?? 1) };
}

/** Evidence on its way from the machine that measures to those that judge. */
export class EvidenceOutbox {
  readonly #upload: Upload;
  readonly #log: Log;
  #waiting = new Map<string, Uint8Array>();
  readonly #counts = new Map<string, number>();
  readonly #failed: Parcel[] = [];
  readonly #first: number;
  #sending: Promise<void> = Promise.resolve();
  /** Files that were handed over, later versions of one path counted once. */
  readonly paths = new Set<string>();

  /** `attempt` of the run, from 1: its parcels do not mix with those of an earlier one. */
  constructor(upload: Upload, log: Log, attempt = 1) {
    this.#upload = upload;
    this.#log = log;
    this.#first = firstNumber(attempt);
  }

  /** Takes a file; a trace ends its arm, and everything that waits goes with it. */
  keep(path: string, bytes: Uint8Array): void {
    this.paths.add(path);
    this.#waiting.set(path, bytes);
    if (path.startsWith('traces/')) this.#send(path);
  }

  /** Resolves once everything so far was sent, or has failed for now. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  /** Sends what is left, and once more what failed. Throws `NO_ARTIFACT` where it fails again. */
  async close(): Promise<void> {
    const last = [...this.#waiting.keys()].at(-1);
    if (last !== undefined) this.#send(last);
    await this.sent();
    for (const parcel of this.#failed.splice(0)) {
      try {
        await this.#upload(parcel.name, packFiles(parcel.files));
      } catch (error) {
        throw new GithubError(
          'NO_ARTIFACT',
          'infra',
          `the evidence ${parcel.name} could not be uploaded: ${messageOf(error)}`,
          'run the job again: what is missing is measured again',
        ).causedBy(error);
      }
    }
  }

  #send(path: string): void {
    const { shard, boot } = placeOf(path);
    const place = `${shard}-${boot}`;
    const n = this.#counts.get(place) ?? this.#first;
    this.#counts.set(place, n + 1);
    const parcel = { name: ARTIFACTS.traces(shard, boot, n), files: this.#waiting };
    this.#waiting = new Map();
    this.#sending = this.#sending.then(async () => {
      try {
        await this.#upload(parcel.name, packFiles(parcel.files));
      } catch (error) {
        // Measuring goes on: another try comes at the end.
        this.#log.warn(`${parcel.name} was not uploaded yet: ${messageOf(error)}`);
        this.#failed.push(parcel);
      }
    });
  }
}
