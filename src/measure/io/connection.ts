// A connection of the measuring client: bytes are stamped as they arrive, and looked at later.
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';

/** Size of the one buffer that the socket reads into. */
const READ_BYTES = 64 * 1024;
/** What was read is kept in pieces of this size. */
const SLAB_BYTES = 1024 * 1024;

export type ServerAddress = { readonly host: string; readonly port: number };

/** Takes what was read, with the time of its arrival. */
type Listener = (bytes: Buffer, tNs: number) => void;

/**
 * A connection, and the bytes that the client read from it and has not looked at yet. Bytes are
 * stamped and copied, and that is all: where many streams bring something at the same moment,
 * looking at the first would make the last one late. They are looked at once the loop has read
 * everything that is there.
 */
export class Connection {
  readonly socket: Socket;
  /** Whether a request went over it before. */
  used = false;
  /** Bytes that came while no request was open. */
  stray = 0;
  listener: Listener | null = null;
  readonly #clock: Clock;
  #inbox: { tNs: number; bytes: Buffer }[] = [];
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #slabUsed = 0;
  readonly #drained = (): void => this.drain();

  constructor(target: ServerAddress, clock: Clock) {
    this.#clock = clock;
    this.socket = connect({
      ...target,
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (size, buffer) => this.#stamp(size, buffer),
      },
    });
    // A connection may break while no request is open; the next request finds that out.
    this.socket.on('error', () => undefined);
  }

  /** Whether another request can go over it. */
  get open(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  /** Hands over what has been read. */
  drain(): void {
    const inbox = this.#inbox;
    if (inbox.length === 0) return;
    this.#inbox = [];
    for (const { tNs, bytes } of inbox) {
      if (this.listener) this.listener(bytes, tNs);
      else this.stray += bytes.length;
    }
  }

  /** The time first: nothing that happens to the bytes may come before it. */
  #stamp(size: number, buffer: Uint8Array): boolean {
    const tNs = this.#clock.nowNs();
    if (this.#slabUsed + size > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const begin = this.#slabUsed;
    this.#slab.set(buffer.subarray(0, size), begin);
    this.#slabUsed += size;
    const bytes = this.#slab.subarray(begin, this.#slabUsed);
    if (this.#inbox.push({ tNs, bytes }) === 1) setImmediate(this.#drained);
    return true;
  }
}
