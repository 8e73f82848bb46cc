// Miners' servers started as sandboxed containers, a single server at a time on a machine.
import type Docker from 'dockerode';
import { utf8 } from '../../core/bytes.ts';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { dockerError } from '../../node/docker.ts';
import { DockerError } from '../../node/errors.ts';
import { SandboxError } from '../errors.ts';
import type { Engine, EngineRuntime, Exit, EngineTarget } from '../../measure/engine.ts';
import {
  sidecarOptions,
  OWNER_LABEL,
  type Rig,
  type SandboxRules,
  SERVER_NAME,
  serverOptions,
} from '../container-options.ts';
import type { ClientRules } from '../../measure/io/measuring-client.ts';
import { openSidecar } from '../../measure/io/measuring-sidecar.ts';
import { reap, removeContainer } from './engine-host.ts';
import { containerChannel, keepLog, type LogKeeper } from './attach.ts';

/** Where a server listens, in its own network namespace. */
const ADDRESS = { host: '127.0.0.1', port: 8000 } as const;
/**
 * Messages of an engine that cannot enter the image itself: its folder, its program, its list of
 * users, or something in the place of our mounts (a file or a link for /tmp). A missing source of a
 * mount is the host's fault. The init process reports a missing program, as an exit.
 */
const BAD_IMAGE =
  /chdir to cwd|executable file not found in|not a directory|too many (?:levels of symbolic )?links|outside of (?:the )?(?:container )?rootfs|no command specified|unable to find (?:user|group)|can't contain null/i;
/** An engine that hangs answers nothing: its caller must not hang with it. */
const ENGINE_MS = 120_000;
/**
 * How long an engine that removed a container may take to report its end; an engine that died never
 * reports it.
 */
const END_NOTICE_MS = 10_000;
const CANNOT_RUN = 127;

export type DockerRuntimeOptions = {
  readonly docker: Docker;
  readonly rules: ClientRules & { readonly sandbox: SandboxRules };
  readonly rig: Rig;
  /** Image and command of the measuring client. */
  readonly meter: { readonly image: string; readonly command: readonly string[] };
  readonly owner: string;
  /** Makes an image be there; returns the name to create a container from. */
  readonly fetch: (target: EngineTarget & { kind: 'image' }) => Promise<string>;
  /** What the machine needs before each server starts; it is the only one by then. */
  readonly prepare?: () => Promise<unknown>;
};

/**
 * Runs servers as containers: each alone in a network namespace without a way out, with the
 * measuring client as the only neighbour in it. One server at a time on a machine: its name is
 * taken while it runs, so two evaluations cannot spoil each other's times.
 */
export function dockerRuntime(options: DockerRuntimeOptions): EngineRuntime {
  return {
    start: async (target): Promise<Engine> => {
      if (target.kind === 'url')
        throw new SandboxError(
          'BAD_TARGET',
          'usage',
          `${target.url} runs already`,
          'give an image',
        );
      const image = await options.fetch(target);
      const create = serverOptions(
        { image, args: target.args },
        options.rules.sandbox,
        options.rig,
        options.owner,
      );
      const name = `${target.image}@${target.digest}`;
      let server: Docker.Container;
      try {
        server = await createAlone(options.docker, create, options.owner);
      } catch (error) {
        if (
          !(error instanceof CacheonError) ||
          error.code !== 'DOCKER' ||
          !BAD_IMAGE.test(messageOf(error.cause))
        )
          throw error;
        return stillborn(name, messageOf(error.cause));
      }
      try {
        await options.prepare?.();
        return await begin(options, server, name);
      } catch (error) {
        await removeContainer(server);
        throw error instanceof CacheonError
          ? error
          : dockerError('a server cannot be started', error);
      }
    },
  };
}

/**
 * A server whose container the engine could not even create from its image: it has ended before it
 * began.
 */
function stillborn(image: string, reason: string): Engine {
  return {
    image,
    connect: () =>
      Promise.reject(
        new DockerError('DOCKER', 'infra', `there is no server of ${image}`, 'see its log'),
      ),
    exited: () => ({ code: CANNOT_RUN, oom: false }),
    ended: Promise.resolve(),
    stop: () => Promise.resolve(),
    log: () => utf8(`${reason}\n`),
  };
}

/** Creates the one server of this machine, after removing leftovers of a dead process. */
export async function createAlone(
  docker: Docker,
  create: Record<string, unknown>,
  owner: string,
): Promise<Docker.Container> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await docker.createContainer({
        ...create,
        abortSignal: AbortSignal.timeout(ENGINE_MS),
      });
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 409 || attempt > 2)
        throw dockerError('a container cannot be created', error);
      await reap(docker);
      const [other] = await docker
        .listContainers({ all: true, filters: { name: [`^/${String(create['name'])}$`] } })
        .catch((cause: unknown) =>
          Promise.reject(dockerError('containers cannot be listed', cause)),
        );
      if (!other) continue;
      const mark = other.Labels[OWNER_LABEL];
      if (mark === owner) {
        // Our own, of a run that failed between creating and starting.
        await removeContainer(docker.getContainer(other.Id));
        continue;
      }
      throw new SandboxError(
        'HOST_BUSY',
        'infra',
        `another evaluation (process ${mark?.split(':')[0] ?? 'unknown'}) has a ${SERVER_NAME} on this machine`,
        'wait for it: two at once would spoil each other’s times (the demo runs without Docker by --processes)',
      );
    }
  }
}

async function begin(
  options: DockerRuntimeOptions,
  server: Docker.Container,
  image: string,
): Promise<Engine> {
  const { docker, rules, rig, owner, meter } = options;
  const keeper: LogKeeper = await keepLog(server);
  let exit = null as Exit | null;
  let stopped = false as boolean; // widened: both change while something is awaited
  try {
    await server.start({ abortSignal: AbortSignal.timeout(ENGINE_MS) });
  } catch (error) {
    if (!BAD_IMAGE.test(messageOf(error))) throw error;
    keeper.add(Buffer.from(`${messageOf(error)}\n`));
    exit = { code: CANNOT_RUN, oom: false };
  }
  const ended =
    exit !== null
      ? Promise.resolve()
      : (async (): Promise<void> => {
          try {
            await server.wait();
            if (!stopped) exit = await exitOf(server);
          } catch (error) {
            // The engine went away, or another user removed the container: the server did nothing
            // wrong.
            if (!stopped) exit = { code: null, oom: false, lost: messageOf(error).slice(0, 200) };
            keeper.add(Buffer.from(`\n[${messageOf(error)}]\n`));
          }
        })();
  return {
    image,
    connect: async () => {
      const create = sidecarOptions(meter, server.id, rig, owner);
      const container = await docker.createContainer(create).catch((error: unknown) => {
        throw dockerError('the measuring client cannot be created', error);
      });
      try {
        const channel = await containerChannel(container);
        await container.start({ abortSignal: AbortSignal.timeout(ENGINE_MS) });
        return await openSidecar(channel, ADDRESS, rules);
      } catch (error) {
        await removeContainer(container);
        throw error instanceof CacheonError
          ? error
          : dockerError('the measuring client cannot be started', error);
      }
    },
    exited: () => exit,
    ended,
    stop: async () => {
      stopped = exit === null;
      await removeContainer(server);
      let late: NodeJS.Timeout | undefined;
      await Promise.race([
        ended,
        new Promise((resolve) => {
          late = setTimeout(resolve, END_NOTICE_MS);
        }),
      ]);
      clearTimeout(late);
    },
    log: () => keeper.bytes(),
  };
}

async function exitOf(server: Docker.Container): Promise<Exit> {
  const { State } = await server.inspect();
  return { code: State.ExitCode, oom: State.OOMKilled };
}
