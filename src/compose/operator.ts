// The operator that this process runs as: validator, code, Node and machine.
import { codeTree } from '../ledger/io/git-store.ts';
import type { Operator } from '../pipeline/context.ts';

/** The operator of a stage that runs the code in `root`. */
export async function operatorHere(
  root: string,
  { validator, tier, host }: Pick<Operator, 'validator' | 'tier' | 'host'>,
): Promise<Operator> {
  return {
    validator,
    tier,
    host,
    tree: await codeTree(root),
    node: process.version,
    run: runHere(),
  };
}

/** The workflow run that this process belongs to, as GitHub's environment names it. */
function runHere(): Operator['run'] {
  const { GITHUB_RUN_ID: id, GITHUB_RUN_ATTEMPT: attempt } = process.env;
  return id === undefined || id === '' ? null : { id, attempt: Number(attempt ?? 1) };
}
