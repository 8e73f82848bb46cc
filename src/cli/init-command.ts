// Command that looks at a validator's repository on GitHub, and makes its settings what the promises rest on.
import { UsageError } from '../compose/errors.ts';
import { messageOf } from '../core/errors.ts';
import { repositoryApi } from '../compose/repository-api.ts';
import {
  type RepositoryApi,
  type Setting,
  SETTINGS,
} from '../pipeline/preflight/repository-settings.ts';
import { asked, isFit, type PreflightFinding } from '../pipeline/preflight/checks.ts';
import type { RunCommand } from './command.ts';
import { findingLines } from './finding-lines.ts';
import { optional } from './options.ts';

const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

/** How a setting stands; that it cannot be asked for is its finding. */
const lookedAt = async ({ name, look }: Setting, api: RepositoryApi): Promise<PreflightFinding> =>
  (await asked(name, async () => [await look(api)]))[0]!;

/**
 * `cacheon init`: the settings of a repository on GitHub, a line each with its mend; with --apply it
 * makes those that a program may make, and looks again. Exit code 1 where one is not as it must be.
 */
export const initCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const repository = optional(invocation, 'repository') ?? process.env['GITHUB_REPOSITORY'] ?? '';
  if (!REPOSITORY.test(repository))
    throw new UsageError(`--repository ${repository} is not owner/name`, 'name your fork');
  const token = process.env['GITHUB_TOKEN'] ?? '';
  if (token === '')
    throw new UsageError(
      'GITHUB_TOKEN is not set',
      'a fine-grained token of that repository: Administration, Actions, Environments, Variables',
    );
  const api = repositoryApi(repository, token);
  const findings: PreflightFinding[] = [];
  for (const setting of SETTINGS) {
    let found = await lookedAt(setting, api);
    if (found.state === 'fail' && invocation.values['apply'] === true && setting.apply) {
      log.info(`making ${setting.name}`);
      try {
        await setting.apply(api, process.env);
        found = await lookedAt(setting, api);
      } catch (error) {
        log.warn(`${setting.name}: ${messageOf(error)}`);
      }
    }
    findings.push(found);
  }
  const fit = isFit(findings);
  if (json) process.stdout.write(`${JSON.stringify({ ok: fit, findings }, null, 2)}\n`);
  else
    process.stdout.write(
      `${[...findingLines(findings, 'the repository is ready', 'the repository is not ready')].join('\n')}\n`,
    );
  return fit ? 0 : 1;
};
