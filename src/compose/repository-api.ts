// GitHub's REST interface for the settings of one repository.
import { Octokit, RequestError } from 'octokit';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { RepositoryApi } from '../pipeline/preflight/repository-settings.ts';

/** GitHub refused, or did not answer. */
class SettingsError extends CacheonError<'SETTINGS_FAILED'> {}

const TOKEN =
  'the token needs Administration, Actions, Environments and Variables of this repository';
const PATIENCE_MS = 10_000;
const silent = (): void => undefined;
const SILENT = { debug: silent, info: silent, warn: silent, error: silent };

/** A refusal is the token's doing; no answer at all is not. */
function hintFor(error: unknown, baseUrl: string): string {
  if (error instanceof RequestError && error.response !== undefined) return TOKEN;
  return `${baseUrl} does not answer: look at the network, and run again`;
}

const API = 'https://api.github.com';

/** Opens a repository's settings with a token that may read, or change, them. */
export function repositoryApi(repository: string, token: string): RepositoryApi {
  const baseUrl = process.env['GITHUB_API_URL'] ?? API;
  // Whoever waits is a person: nothing is tried again in silence.
  const octokit = new Octokit({
    ...{ auth: token, baseUrl, log: SILENT },
    ...{ retry: { enabled: false }, throttle: { enabled: false } },
  });
  const asked = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    try {
      const { data } = (await octokit.request(`${method} /repos/${repository}${path}`, {
        ...(body as object | undefined),
        request: { signal: AbortSignal.timeout(PATIENCE_MS) },
      })) as { data: unknown };
      return data;
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) return null;
      throw new SettingsError(
        'SETTINGS_FAILED',
        'infra',
        `${method} ${path || '/'}: ${messageOf(error)}`,
        hintFor(error, baseUrl),
      ).causedBy(error);
    }
  };
  return {
    get: (path) => asked('GET', path),
    send: async (method, path, body) => {
      if ((await asked(method, path, body)) !== null) return;
      throw new SettingsError(
        'SETTINGS_FAILED',
        'infra',
        `${method} ${path}: GitHub knows no such thing, or the token may not see it`,
        TOKEN,
      );
    },
  };
}
