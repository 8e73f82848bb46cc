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
import { arenaPath, readArena } from '../compose/repository.ts';
import { decodeSs58 } from '../core/ss58.ts';
import type { Arena } from '../schema/arena.ts';
import type { Invocation, RunCommand } from './command.ts';
import { findingLines } from './finding-lines.ts';
import { optional } from './options.ts';
import { give } from './output.ts';

const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

const arenaOf = (invocation: Invocation): Arena =>
  readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));

/** Looks at the values of variables before anything is set to them. Throws `USAGE`. */
function assertValues({ hardware }: Arena, given: Readonly<Record<string, string | undefined>>) {
  const tiers = Object.keys(hardware);
  const rules: [name: string, holds: (text: string) => boolean, wanted: string][] = [
    ['CACHEON_VALIDATOR', (text) => decodeSs58(text) !== null, "the hotkey's ss58 address"],
    [
      'CACHEON_ENDPOINT',
      (text) => text.split(',').every((url) => /^wss?:\/\/\S+$/.test(url.trim())),
      'ws:// or wss:// addresses with commas between',
    ],
    [
      'CACHEON_TIER',
      (text) => tiers.length === 0 || tiers.includes(text),
      `one of ${tiers.join(', ')}`,
    ],
  ];
  for (const [name, holds, wanted] of rules) {
    const text = given[name] ?? '';
    if (text !== '' && !holds(text)) throw new UsageError(`${name} is ${text}`, `give ${wanted}`);
  }
}

/** How a setting stands; that it cannot be asked for is its finding. */
const lookedAt = async ({ name, look }: Setting, api: RepositoryApi): Promise<PreflightFinding> =>
  (await asked(name, async () => [await look(api)]))[0]!;

/**
 * `cacheon init`: the settings of a repository on GitHub, a line each with its mend; with --apply it
 * makes those that a program may make, and looks again. Exit code 1 where one is not as it must be.
 */
export const initCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const repository = optional(invocation, 'repository') ?? process.env['GITHUB_REPOSITORY'] ?? '';
  if (repository === '')
    throw new UsageError('--repository is missing', 'name your fork: --repository owner/name');
  if (!REPOSITORY.test(repository))
    throw new UsageError(`--repository ${repository} is not owner/name`, 'name your fork');
  const token = process.env['GITHUB_TOKEN'] ?? '';
  if (token === '')
    throw new UsageError(
      'GITHUB_TOKEN is not set',
      'a fine-grained token of that repository: Administration, Actions, Environments, Variables',
    );
  assertValues(arenaOf(invocation), process.env);
  const api = repositoryApi(repository, token);
  // First, so that a network that is down is said once and at once.
  if ((await api.get('')) === null)
    throw new UsageError(
      `there is no repository ${repository}, or the token may not see it`,
      'name your fork with --repository, and give a token of it',
    );
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
  const lines = findingLines(findings, 'the repository is ready', 'the repository is not ready');
  give(invocation, { ok: fit, findings }, lines);
  return fit ? 0 : 1;
};
