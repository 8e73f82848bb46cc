// Standard streams of containers: bounded logs, and the channel to the measuring client.
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type Docker from 'dockerode';
import type { SidecarChannel } from '../../measure/io/measuring-sidecar.ts';
import { removeContainer } from './engine-host.ts';

/**
 * The first and the last of what a server prints are kept: how it was started, and what it died of.
 */
const LOG_HEAD = 64 * 1024;
const LOG_TAIL = 192 * 1024;
/**
 * After this much this process stops listening: reading a flood costs the host time, and the engine
 * throws the rest away for nothing.
 */
const LOG_READ = 8 * 1024 * 1024;

/** Keeps the beginning and the end of a stream, in memory of a fixed size. */
export class LogKeeper {
  readonly #head = Buffer.alloc(LOG_HEAD);
  readonly #tail = Buffer.alloc(LOG_TAIL);
  #total = 0;

  /** Returns whether more is wanted. */
  add(data: Buffer): boolean {
    const head = data.subarray(0, Math.max(0, LOG_HEAD - this.#total));
    head.copy(this.#head, this.#total);
    // A ring: of what is longer than it, only the end matters.
    const rest = data.subarray(head.length);
    const last = rest.subarray(Math.max(0, rest.length - LOG_TAIL));
    const at = Math.max(0, this.#total + data.length - LOG_HEAD - last.length) % LOG_TAIL;
    const fits = last.copy(this.#tail, at);
    last.copy(this.#tail, 0, fits);
    this.#total += data.length;
    return this.#total < LOG_READ;
  }

  bytes(): Uint8Array {
    const head = this.#head.subarray(0, this.#total);
    const after = Math.max(0, this.#total - LOG_HEAD);
    if (after <= LOG_TAIL) return Buffer.concat([head, this.#tail.subarray(0, after)]);
    const cut = after % LOG_TAIL;
    const gap = Buffer.from(`\n[… ${after - LOG_TAIL} bytes left out …]\n`);
    return Buffer.concat([head, gap, this.#tail.subarray(cut), this.#tail.subarray(0, cut)]);
  }
}

/** Kind of a frame that was written to stderr. */
const STDERR = 2;
/** Largest frame that is believed: an engine sends what it has read, some kilobytes. */
const MAX_FRAME = 64 * 1024 * 1024;

/**
 * Takes the engine's frames apart (eight bytes of kind and length, then the bytes). The client
 * library's own way calls itself for every frame: a server that prints byte by byte would overflow
 * our stack.
 */
export function demultiplex(
  stream: Readable,
  onFrame: (kind: number, bytes: Buffer) => void,
): void {
  const head = Buffer.alloc(8);
  let have = 0;
  let left = 0;
  stream.on('data', (data: Buffer) => {
    for (let at = 0; at < data.length;) {
      if (left === 0) {
        const took = data.copy(head, have, at, at + 8 - have);
        have += took;
        at += took;
        if (have < 8) return;
        have = 0;
        left = head.readUInt32BE(4);
        if (left > MAX_FRAME) {
          stream.destroy();
          return;
        }
        continue;
      }
      const part = data.subarray(at, at + left);
      left -= part.length;
      at += part.length;
      onFrame(head[0]!, part);
    }
  });
}

/** Listens to what a container prints, from before its start on. */
export async function keepLog(container: Docker.Container): Promise<LogKeeper> {
  const keeper = new LogKeeper();
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  demultiplex(stream as unknown as Readable, (_, data) => {
    if (!keeper.add(data)) (stream as unknown as Readable).destroy();
  });
  stream.on('error', () => undefined);
  return keeper;
}

/**
 * The streams of a meter in a container. The meter's stderr goes to ours: the meter is our own
 * code.
 */
export async function containerChannel(container: Docker.Container): Promise<SidecarChannel> {
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  const output = new PassThrough();
  demultiplex(
    stream as unknown as Readable,
    (kind, data) => void (kind === STDERR ? process.stderr : output).write(data),
  );
  stream.on('close', () => output.destroy());
  stream.on('end', () => output.end());
  stream.on('error', () => output.destroy());
  return { input: stream as unknown as Writable, output, kill: () => removeContainer(container) };
}
