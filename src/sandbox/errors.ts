// Errors of the sandbox: this machine is not fit to run miners' servers, or not now.
import { CacheonError } from '../core/errors.ts';

/** This machine cannot run a server the way the rules ask for. It says nothing about the server. */
export class SandboxError extends CacheonError<
  'BAD_TARGET' | 'HOST_BUSY' | 'NO_RUNTIME' | 'OLD_ENGINE' | 'SANDBOX_OPEN'
> {}
