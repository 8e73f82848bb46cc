// Pulses that a client of the embedded chain asks for before the chain has them.
import { latestPulse, publishedAt } from '../../beacon/pulses.ts';
import { DEVNET_BEACON } from './pallets/drand-pallet.ts';

/** Pulses further ahead than this are nobody's business yet. */
const AHEAD_SECONDS = 3600;
/** Most pulses that are remembered as asked for. */
const MAX_ASKED = 1000;
/** Hex digits of a pulse's number behind the prefix of its key: a hash of 16 bytes, then 8 bytes. */
const KEY_DIGITS = 32 + 16;

/** What the watch needs of its chain. */
type Clockwork = {
  /** Time of the next block, ms. */
  readonly nextMs: () => number;
  /** Builds a block. */
  readonly build: () => void;
  /** Whether blocks come on request: then a pulse brings its own, as an off-chain worker would. */
  readonly onRequest: boolean;
  /** Whether time goes by blocks alone. */
  readonly virtual: boolean;
};

/**
 * A real chain stores every pulse; this one stores those that somebody asks for, since signing all
 * of an idle night would take hours.
 */
export class PulseWatch {
  readonly #prefix: string;
  readonly #clockwork: Clockwork;
  readonly #asked = new Set<number>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(prefix: string, clockwork: Clockwork) {
    this.#prefix = prefix;
    this.#clockwork = clockwork;
  }

  /** Takes note that a storage key was read in vain. */
  missing(key: string): void {
    if (!key.startsWith(this.#prefix) || key.length !== this.#prefix.length + KEY_DIGITS) return;
    const round = Number(Buffer.from(key.slice(-16), 'hex').readBigUInt64LE());
    const ahead = publishedAt(DEVNET_BEACON, round) - this.#clockwork.nextMs() / 1000;
    if (round < 1 || ahead > AHEAD_SECONDS || this.#asked.has(round)) return;
    if (this.#asked.size >= MAX_ASKED) return;
    this.#asked.add(round);
    if (this.#clockwork.onRequest) this.#bring(round);
  }

  /** Pulses that were asked for and are published by now; each is given once. */
  due(nowMs: number): number[] {
    const latest = latestPulse(DEVNET_BEACON, nowMs / 1000);
    const due = [...this.#asked].filter((round) => round <= latest);
    for (const round of due) this.#asked.delete(round);
    return due;
  }

  /** Builds no block after this. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#asked.clear();
  }

  /** Lets blocks come until a pulse is published. */
  #bring(round: number): void {
    const { virtual, nextMs, build } = this.#clockwork;
    const waitMs = virtual ? 0 : Math.max(0, publishedAt(DEVNET_BEACON, round) * 1000 - nextMs());
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#asked.has(round)) return;
      build();
      if (this.#asked.has(round)) this.#bring(round);
    }, Math.ceil(waitMs));
    timer.unref();
    this.#timers.add(timer);
  }
}
