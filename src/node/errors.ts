// Errors of what this process runs on.
import { CacheonError } from '../core/errors.ts';

/** The Docker engine of this machine failed. */
export class DockerError extends CacheonError<'DOCKER'> {}
