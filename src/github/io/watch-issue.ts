// The one issue that a watchdog opens in its repository, and closes when all is well again.
import { context } from '@actions/github';
import { Octokit } from 'octokit';
import { messageOf } from '../../core/errors.ts';
import { GithubError } from '../errors.ts';

/** Issues are found by it again: a title may be edited. */
const LABEL = 'cacheon-watchdog';
const TITLE = 'The validator needs a look';

/** What became of the issue. */
export type IssueOutcome = 'opened' | 'updated' | 'unchanged' | 'closed' | 'none';

/** GitHub's REST interface, with what the watchdog asks of it. */
export class WatchIssue {
  readonly #octokit: Octokit;

  constructor(token: string) {
    this.#octokit = new Octokit({ auth: token, baseUrl: context.apiUrl });
  }

  async #asked<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new GithubError(
        'WATCH_FAILED',
        'infra',
        `${what}: ${messageOf(error)}`,
        'the watchdog needs issues: write and actions: read',
      ).causedBy(error);
    }
  }

  /** When a workflow last began, in ms since 1970; null where it never did. */
  lastRunMs(workflow: string): Promise<number | null> {
    return this.#asked(`the runs of ${workflow} cannot be listed`, async () => {
      const { data } = await this.#octokit.rest.actions.listWorkflowRuns({
        ...context.repo,
        ...{ workflow_id: workflow, per_page: 1 },
      });
      const began = data.workflow_runs[0]?.created_at;
      return began === undefined ? null : Date.parse(began);
    });
  }

  /** Opens the issue, brings it up to date, or closes it where `body` is null. Never a second one. */
  async show(body: string | null): Promise<IssueOutcome> {
    const { issues } = this.#octokit.rest;
    const open = await this.#asked('issues cannot be listed', async () => {
      const { data } = await issues.listForRepo({
        ...context.repo,
        ...{ labels: LABEL, state: 'open', per_page: 10 },
      });
      return data.find(({ pull_request: pull }) => pull === undefined) ?? null;
    });
    if (body === null) {
      if (!open) return 'none';
      await this.#asked('the issue cannot be closed', () =>
        issues.update({
          ...context.repo,
          ...{ issue_number: open.number, state: 'closed', state_reason: 'completed' },
        }),
      );
      return 'closed';
    }
    if (!open) {
      await this.#asked('the issue cannot be opened', () =>
        issues.create({ ...context.repo, title: TITLE, body, labels: [LABEL] }),
      );
      return 'opened';
    }
    if (open.body === body) return 'unchanged';
    await this.#asked('the issue cannot be changed', () =>
      issues.update({ ...context.repo, issue_number: open.number, body }),
    );
    return 'updated';
  }
}
