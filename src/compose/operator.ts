// The operator that this process runs as: validator, code, Node and machine.
import { codeCommit } from '../ledger/io/git-store.ts';
import type { Operator } from '../pipeline/context.ts';

/** The operator of a stage that runs the code in `root`. */
export async function operatorHere(
  root: string,
  { validator, tier, host }: Pick<Operator, 'validator' | 'tier' | 'host'>,
): Promise<Operator> {
  return { validator, tier, host, commit: await codeCommit(root), node: process.version };
}
