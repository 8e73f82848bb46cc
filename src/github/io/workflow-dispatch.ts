// Starts another workflow of the same repository through GitHub's API.
// octokit speaks to the REST API: it throttles and retries by itself, which the client inside
// @actions/github does not. That one reads what a job knows of itself: repository, ref, address.
import { context } from '@actions/github';
import { Octokit } from 'octokit';
import { messageOf } from '../../core/errors.ts';
import { GithubError } from '../errors.ts';

/**
 * Starts a workflow of this repository. A commit by the job's token starts none, so the audit is
 * asked for. The client retries by itself.
 */
export async function dispatchWorkflow(
  token: string,
  workflow: string,
  inputs: Readonly<Record<string, string>>,
): Promise<void> {
  const octokit = new Octokit({ auth: token, baseUrl: context.apiUrl });
  try {
    const ref = context.ref.replace(/^refs\/heads\//, '');
    await octokit.rest.actions.createWorkflowDispatch({
      ...context.repo,
      workflow_id: workflow,
      ref,
      inputs,
    });
  } catch (error) {
    throw new GithubError(
      'DISPATCH_FAILED',
      'infra',
      `${workflow} could not be started: ${messageOf(error)}`,
      'start it by hand; nothing is lost',
    ).causedBy(error);
  }
}
