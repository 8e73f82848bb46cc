// Errors of the Docker engine on this machine.
import { CacheonError } from '../core/errors.ts';

/** The Docker engine of this machine failed. */
export class DockerError extends CacheonError<'DOCKER'> {}
