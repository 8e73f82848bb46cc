// The connection to the Docker engine of this machine.
import Docker from 'dockerode';
import { messageOf } from '../core/errors.ts';
import { DockerError } from './errors.ts';

/** A fault of the engine, in our words. */
export function dockerError(what: string, error: unknown): DockerError {
  return new DockerError(
    'DOCKER',
    'infra',
    `Docker: ${what}: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 300)}`,
    'look at the engine: docker info, its log',
  ).causedBy(error);
}

/** The engine of this machine, or null where none answers. */
export async function findDocker(): Promise<Docker | null> {
  const docker = new Docker();
  try {
    await docker.ping();
    return docker;
  } catch {
    return null;
  }
}

/** The same, where there must be one. Throws `DOCKER`. */
export async function openDocker(): Promise<Docker> {
  const docker = await findDocker();
  if (docker) return docker;
  throw new DockerError(
    'DOCKER',
    'infra',
    'no Docker engine answers on this machine',
    'install and start docker, or name DOCKER_HOST',
  );
}

/** Waits for the end of a progress stream, and reports each event. */
export function followed(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  onEvent: (event: unknown) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null) => (error ? reject(error) : resolve()),
      onEvent,
    );
  });
}
