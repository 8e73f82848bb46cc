import { PassThrough, type Readable, type Writable } from 'node:stream';
import type Docker from 'dockerode';
import type { MeterChannel } from '../meter.ts';
import { removeContainer } from './host.ts';

/** The first and the last of what a server prints are kept: how it was started, and what it died of. */
const LOG_HEAD = 64 * 1024;
const LOG_TAIL = 192 * 1024;
/** After this much nobody listens any more: reading a flood costs the host time, and the engine throws it away for nothing. */
const LOG_READ = 8 * 1024 * 1024;

/** Keeps the beginning and the end of a stream. */
export class LogKeeper {
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  /** Returns whether more is wanted. */
  add(data: Buffer): boolean {
    this.#total += data.length;
    const room = Math.max(0, LOG_HEAD - this.#headBytes);
    if (room > 0) {
      this.#head.push(data.subarray(0, room));
      this.#headBytes += Math.min(room, data.length);
    }
    const rest = data.subarray(room);
    if (rest.length > 0) {
      this.#tail.push(rest);
      this.#tailBytes += rest.length;
      while (this.#tailBytes - this.#tail[0]!.length >= LOG_TAIL) this.#tailBytes -= this.#tail.shift()!.length;
    }
    return this.#total < LOG_READ;
  }

  bytes(): Uint8Array {
    const tail = Buffer.concat(this.#tail).subarray(-LOG_TAIL);
    const left = this.#total - this.#headBytes - tail.length;
    const gap = left > 0 ? [Buffer.from(`\n[… ${left} bytes left out …]\n`)] : [];
    return Buffer.concat([...this.#head, ...gap, tail]);
  }
}

/** Listens to what a container prints, from before its start on. */
export async function keepLog(docker: Docker, container: Docker.Container): Promise<LogKeeper> {
  const keeper = new LogKeeper();
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const both = new PassThrough();
  both.on('data', (data: Buffer) => {
    if (!keeper.add(data)) (stream as unknown as Readable).destroy();
  });
  stream.on('error', () => undefined);
  docker.modem.demuxStream(stream, both, both);
  return keeper;
}

/** The streams of a meter in a container. What it says on stderr goes to ours: it is our own code. */
export async function containerChannel(docker: Docker, container: Docker.Container): Promise<MeterChannel> {
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, process.stderr);
  stream.on('close', () => output.destroy());
  stream.on('end', () => output.end());
  stream.on('error', () => output.destroy());
  return { input: stream as unknown as Writable, output, kill: () => removeContainer(container) };
}
