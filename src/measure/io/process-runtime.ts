// Trusted inference servers started as local processes, without a sandbox.
import { MeasureError } from '../errors.ts';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Engine, EngineRuntime } from '../engine.ts';
import type { ClientRules } from './measuring-client.ts';
import { openSidecar, processSidecar } from './measuring-sidecar.ts';
import { addressOf } from './url-runtime.ts';

/** How long a process may take to say where it listens. */
const LISTEN_MS = 20_000;

/** With this code the command says that it does not have the engine that was asked for. */
const USAGE_EXIT = 2;

/** A command that prints one JSON line with its `url` and serves until it is ended. */
export type EngineCommand = { readonly command: string; readonly args: readonly string[] };

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
      const { command, args } = commandOf(target.digest);
      // The child's stdin is a leash: it closes when this process is killed, and the engine ends.
      const child = spawn(command, args, {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, CACHEON_LEASH: 'stdin' },
      });
      child.stdin.on('error', () => undefined);
      let exit: { code: number | null; oom: boolean } | null = null;
      const exitCode = (): number | null => exit?.code ?? null;
      const ended = new Promise<void>((resolve) => {
        child.once('exit', (code) => {
          exit = { code, oom: false };
          resolve();
        });
        child.once('error', () => {
          exit = { code: null, oom: false };
          resolve();
        });
      });
      const stop = async (): Promise<void> => {
        if (exit === null) child.kill('SIGKILL');
        await ended;
      };
      const line = new Promise<string>((resolve) =>
        createInterface({ input: child.stdout }).once('line', resolve),
      );
      const timer = new Promise<null>((resolve) =>
        setTimeout(() => resolve(null), LISTEN_MS).unref(),
      );
      const first = await Promise.race([line, ended.then(() => null), timer]);
      if (first === null) {
        await stop();
        if (exitCode() === USAGE_EXIT)
          throw new MeasureError(
            'NO_SUCH_IMAGE',
            'usage',
            `the engine command does not know the image ${target.image}@${target.digest}`,
            'it starts engines of this repository only',
          );
        throw new MeasureError(
          'ENGINE_NOT_HEALTHY',
          'infra',
          `${args.join(' ')} ended before it listened`,
          'run it by hand to see why',
        );
      }
      const { url } = JSON.parse(first) as { url: string };
      return {
        image: `${target.image}@${target.digest}`,
        connect: () => openSidecar(processSidecar(), addressOf(url), rules),
        exited: () => exit,
        ended,
        stop,
        log: () => null,
      };
    },
  };
}
