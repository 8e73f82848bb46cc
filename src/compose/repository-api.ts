// GitHub's REST interface for the settings of one repository.
import { Octokit, RequestError } from 'octokit';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { RepositoryApi } from '../pipeline/preflight/repository-settings.ts';

/** GitHub refused, or did not answer. */
class SettingsError extends CacheonError<'SETTINGS_FAILED'> {}

const API = 'https://api.github.com';

/** Opens a repository's settings with a token that may read, or change, them. */
export function repositoryApi(repository: string, token: string): RepositoryApi {
  const baseUrl = process.env['GITHUB_API_URL'] ?? API;
  const octokit = new Octokit({ auth: token, baseUrl });
  const asked = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    try {
      const { data } = (await octokit.request(`${method} /repos/${repository}${path}`, {
        ...(body as object | undefined),
      })) as { data: unknown };
      return data;
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) return null;
      throw new SettingsError(
        'SETTINGS_FAILED',
        'infra',
        `${method} ${path}: ${messageOf(error)}`,
        'the token needs Administration, Actions, Environments and Variables of this repository',
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
        'the token needs Administration, Actions, Environments and Variables of this repository',
      );
    },
  };
}
