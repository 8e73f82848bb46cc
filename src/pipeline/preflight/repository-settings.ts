// The settings of a validator's repository on GitHub that its promises rest on: looked at, and made.
import { z } from 'zod';
import { failing, passing, type PreflightFinding, untold } from './checks.ts';

/** GitHub's REST interface below `/repos/<owner>/<name>`. `get` is null for 404; both throw. */
export type RepositoryApi = {
  get(path: string): Promise<unknown>;
  send(method: 'PUT' | 'POST' | 'PATCH', path: string, body: unknown): Promise<void>;
};

/** Values by the names of variables, where they are given. */
type Given = Readonly<Record<string, string | undefined>>;

/** One setting: how it stands, and what makes it so; `apply` is null where only a person can. */
export type Setting = {
  readonly name: string;
  readonly look: (api: RepositoryApi) => Promise<PreflightFinding>;
  readonly apply: ((api: RepositoryApi, given: Given) => Promise<void>) | null;
};

const WORKFLOWS = ['round', 'settle', 'audit', 'watchdog'] as const;
const ENVIRONMENT = 'validator';
const SECRET = 'CACHEON_HOTKEY';
/** Variables that a round cannot do without. */
const VARIABLES = ['CACHEON_VALIDATOR', 'CACHEON_ENDPOINT', 'CACHEON_TIER'] as const;
const APPROVAL = 'all_external_contributors';

const permissions = z.looseObject({ enabled: z.boolean() });
const workflowList = z.looseObject({
  workflows: z.array(z.looseObject({ id: z.number(), path: z.string(), state: z.string() })),
});
const approval = z.looseObject({ approval_policy: z.string() });
const policies = z.looseObject({ branch_policies: z.array(z.looseObject({ name: z.string() })) });
const names = z.array(z.looseObject({ name: z.string() }));
const secrets = z.looseObject({ secrets: names });
const variableList = z.looseObject({ variables: names });
const rulesetList = z.array(z.looseObject({ id: z.number(), name: z.string() }));
const ruleset = z.looseObject({
  enforcement: z.string(),
  conditions: z.looseObject({ ref_name: z.looseObject({ include: z.array(z.string()) }) }),
  rules: z.array(z.looseObject({ type: z.string() })),
});
const runnerList = z.looseObject({
  runners: z.array(z.looseObject({ status: z.string(), labels: names })),
});

const actions: Setting = {
  name: 'actions',
  look: async (api) =>
    permissions.parse(await api.get('/actions/permissions')).enabled
      ? passing('actions', 'enabled')
      : failing('actions', 'disabled', 'a fork starts so: enable them'),
  apply: (api) =>
    api.send('PUT', '/actions/permissions', { enabled: true, allowed_actions: 'all' }),
};

/** Workflows of the validator that do not run, by their name. */
async function sleeping(api: RepositoryApi): Promise<{ id: number; name: string }[]> {
  const { workflows } = workflowList.parse(await api.get('/actions/workflows?per_page=100'));
  return workflows
    .map(({ id, path, state }) => ({ id, state, name: path.replace(/^.*\/|\.yml$/g, '') }))
    .filter(({ name, state }) => WORKFLOWS.some((own) => own === name) && state !== 'active');
}
const schedules: Setting = {
  name: 'workflows',
  look: async (api) => {
    const asleep = (await sleeping(api)).map(({ name }) => name);
    return asleep.length === 0
      ? passing('workflows', WORKFLOWS.join(', '))
      : failing(
          'workflows',
          `${asleep.join(', ')} do not run`,
          'schedules are off in a fork: enable them',
        );
  },
  apply: async (api) => {
    for (const { id } of await sleeping(api))
      await api.send('PUT', `/actions/workflows/${id}/enable`, {});
  },
};

const APPROVAL_PATH = '/actions/permissions/fork-pr-contributor-approval';
const strangers: Setting = {
  name: 'strangers',
  look: async (api) => {
    const found = await api.get(APPROVAL_PATH);
    const policy = found === null ? 'unknown' : approval.parse(found).approval_policy;
    return policy === APPROVAL
      ? passing('strangers', 'every outside contributor waits for approval')
      : failing(
          'strangers',
          `approval: ${policy}`,
          'a stranger’s pull request would run by itself: ask for approval of all outside contributors',
        );
  },
  apply: (api) => api.send('PUT', APPROVAL_PATH, { approval_policy: APPROVAL }),
};

const BRANCHES = `/environments/${ENVIRONMENT}/deployment-branch-policies`;
const environment: Setting = {
  name: 'environment',
  look: async (api) => {
    const mend = `the key would be open to every branch: limit the environment ${ENVIRONMENT} to main`;
    if ((await api.get(`/environments/${ENVIRONMENT}`)) === null)
      return failing('environment', `${ENVIRONMENT} is not there`, mend);
    const found = await api.get(BRANCHES);
    const branches =
      found === null ? [] : policies.parse(found).branch_policies.map(({ name }) => name);
    return branches.length === 1 && branches[0] === 'main'
      ? passing('environment', `${ENVIRONMENT}, for main alone`)
      : failing(
          'environment',
          `${ENVIRONMENT}, for ${branches.join(', ') || 'every branch'}`,
          mend,
        );
  },
  apply: async (api) => {
    await api.send('PUT', `/environments/${ENVIRONMENT}`, {
      deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
    });
    const found = await api.get(BRANCHES);
    const branches = found === null ? [] : policies.parse(found).branch_policies;
    if (!branches.some(({ name }) => name === 'main'))
      await api.send('POST', BRANCHES, { name: 'main' });
  },
};

const secret: Setting = {
  name: 'secret',
  look: async (api) => {
    const found = await api.get(`/environments/${ENVIRONMENT}/secrets`);
    const there =
      found !== null && secrets.parse(found).secrets.some(({ name }) => name === SECRET);
    return there
      ? passing('secret', `${SECRET} in the environment ${ENVIRONMENT}`)
      : failing(
          'secret',
          `${SECRET} is not there`,
          `gh secret set ${SECRET} --env ${ENVIRONMENT}: it asks for the hotkey's mnemonic, and no other program should see it`,
        );
  },
  apply: null,
};

const variables: Setting = {
  name: 'variables',
  look: async (api) => {
    const found = variableList.parse(await api.get('/actions/variables?per_page=100'));
    const missing = VARIABLES.filter(
      (wanted) => !found.variables.some(({ name }) => name === wanted),
    );
    return missing.length === 0
      ? passing('variables', VARIABLES.join(', '))
      : failing(
          'variables',
          `${missing.join(', ')} missing`,
          `set them (--apply takes ${VARIABLES.join(', ')} from the environment)`,
        );
  },
  apply: async (api, given) => {
    const found = variableList.parse(await api.get('/actions/variables?per_page=100'));
    for (const name of VARIABLES) {
      const value = given[name];
      if (value === undefined || value === '' || found.variables.some((item) => item.name === name))
        continue;
      await api.send('POST', '/actions/variables', { name, value });
    }
  },
};

/** Nothing on these branches is deleted or rewritten: history is what an audit reads. */
function branchRules(branch: 'main' | 'ledger'): Setting {
  const name = `branch ${branch}`;
  const title = `cacheon ${branch}`;
  const kept = ['deletion', 'non_fast_forward'];
  const holds = async (api: RepositoryApi): Promise<boolean> => {
    const list = rulesetList.parse((await api.get('/rulesets?per_page=100')) ?? []);
    for (const { id } of list) {
      const { enforcement, conditions, rules } = ruleset.parse(await api.get(`/rulesets/${id}`));
      const covers = conditions.ref_name.include.some(
        (ref) =>
          ref === `refs/heads/${branch}` ||
          ref === '~ALL' ||
          (branch === 'main' && ref === '~DEFAULT_BRANCH'),
      );
      if (
        enforcement === 'active' &&
        covers &&
        kept.every((type) => rules.some((rule) => rule.type === type))
      )
        return true;
    }
    return false;
  };
  return {
    name,
    look: async (api) =>
      (await holds(api))
        ? passing(name, 'neither rewritten nor deleted')
        : failing(
            name,
            'may be rewritten or deleted',
            `a ruleset for ${branch} that forbids force pushes and deletion`,
          ),
    apply: (api) =>
      api.send('POST', '/rulesets', {
        ...{ name: title, target: 'branch', enforcement: 'active' },
        conditions: { ref_name: { include: [`refs/heads/${branch}`], exclude: [] } },
        rules: kept.map((type) => ({ type })),
      }),
  };
}

const runner: Setting = {
  name: 'runner',
  look: async (api) => {
    const found = await api.get('/actions/runners?per_page=100');
    if (found === null)
      return untold(
        'runner',
        'this token may not list runners',
        'look under Settings, Actions, Runners',
      );
    const gpu = runnerList
      .parse(found)
      .runners.filter(({ labels }) => labels.some(({ name }) => name === 'gpu'));
    const online = gpu.filter(({ status }) => status === 'online').length;
    return online > 0
      ? passing('runner', `${online} with the label gpu online`)
      : failing(
          'runner',
          `${gpu.length} with the label gpu, none online`,
          'start scripts/gpu-runner.sh on the GPU machine',
        );
  },
  apply: null,
};

/** Every setting, in the order in which a new validator makes them. */
export const SETTINGS: readonly Setting[] = [
  ...[actions, schedules, strangers, environment, secret, variables],
  ...[branchRules('main'), branchRules('ledger'), runner],
];
