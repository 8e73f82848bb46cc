// Errors of artifacts and of calls to GitHub.
import { CacheonError } from '../core/errors.ts';

/** An artifact or a call to GitHub that failed. */
export class GithubError extends CacheonError<
  'INFRA_DIGEST' | 'NO_ARTIFACT' | 'ARTIFACT_TOO_LARGE' | 'DISPATCH_FAILED' | 'WATCH_FAILED'
> {}
