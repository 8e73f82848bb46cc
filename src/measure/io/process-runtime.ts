// Trusted inference servers started as local processes, without a sandbox.
import { MeasureError } from '../errors.ts';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { imageRefText } from '../../schema/image-ref.ts';
import type { Engine, EngineRuntime, Exit } from '../engine.ts';
import type { ClientRules } from './measuring-client.ts';
import { openSidecar } from './measuring-sidecar.ts';
import { processSidecar } from './sidecar-process.ts';
import { addressOf } from './url-runtime.ts';

/** How long a process may take to say where it listens. */
const LISTEN_MS = 20_000;

/** With this code the command says that it does not have the engine that was asked for. */
const USAGE_EXIT = 2;

/** A command that prints its URL, or one JSON line with its `url`, and serves until it is ended. */
export type EngineCommand = {
  readonly command: string;
  readonly args: readonly string[];
  /** How long it may take until it prints that line. */
  readonly listenMs?: number;
  /** Ends a server that the command left behind and did not stay for. */
  readonly stop?: readonly string[];
};

/** A process of ours, and how it ended. */
class EngineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #exit: Exit | null = null;
  readonly ended: Promise<void>;

  constructor({ command, args }: EngineCommand) {
    // The child's stdin is a leash: it closes when this process is killed, and the engine ends.
    this.#child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, CACHEON_LEASH: 'stdin' },
    });
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise<void>((resolve) => {
      const end = (code: number | null): void => {
        this.#exit = { code, oom: false };
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', () => end(null));
    });
  }

  exited(): Exit | null {
    return this.#exit;
  }

  /** The first line that it prints; null where it ended first, or said nothing in time. */
  firstLine(waitMs: number): Promise<string | null> {
    const line = new Promise<string>((resolve) =>
      createInterface({ input: this.#child.stdout }).once('line', resolve),
    );
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), waitMs).unref());
    return Promise.race([line, this.ended.then(() => null), late]);
  }

  async stop(): Promise<void> {
    if (this.#exit === null) this.#child.kill('SIGKILL');
    await this.ended;
  }
}

const never = new Promise<void>(() => undefined);

/** The URL in the line that a command prints. */
const urlIn = (line: string): string =>
  line.startsWith('{') ? (JSON.parse(line) as { url: string }).url : line.trim();

/** Why an engine's command never listened. */
function neverListened(exit: Exit | null, image: string, { args }: EngineCommand): MeasureError {
  return exit?.code === USAGE_EXIT
    ? new MeasureError(
        'NO_SUCH_IMAGE',
        'usage',
        `the engine command does not know the image ${image}`,
        'it starts engines of this repository only',
      )
    : new MeasureError(
        'ENGINE_NOT_HEALTHY',
        'infra',
        `${args.join(' ')} ended before it listened`,
        'run it by hand to see why',
      );
}

/**
 * Starts trusted engines as local processes without any sandbox. Only for engines of this
 * repository; miners' images need containers. `commandOf` gives the command for a digest; the
 * command itself knows whether there is such an engine.
 */
export function processRuntime(
  rules: ClientRules,
  commandOf: (digest: string) => EngineCommand,
): EngineRuntime {
  return {
    start: async (target): Promise<Engine> => {
      if (target.kind === 'url')
        throw new MeasureError(
          'BAD_TARGET',
          'usage',
          `${target.url} runs already`,
          'give an image',
        );
      const command = commandOf(target.digest);
      const engine = new EngineProcess(command);
      const image = imageRefText(target);
      const first = await engine.firstLine(command.listenMs ?? LISTEN_MS);
      if (first === null) {
        await engine.stop();
        throw neverListened(engine.exited(), image, command);
      }
      const url = urlIn(first);
      const { stop } = command;
      return {
        image,
        connect: () => openSidecar(processSidecar(), addressOf(url), rules),
        exited: () => (stop ? null : engine.exited()),
        ended: stop ? never : engine.ended,
        stop: async () => {
          await engine.stop();
          if (stop) await new EngineProcess({ command: stop[0]!, args: stop.slice(1) }).ended;
        },
        log: () => null,
      };
    },
  };
}
