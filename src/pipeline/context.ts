// The validator that runs a stage, and the context that each of its ledger records carries.
import type { BlockRef, ChainReader } from '../chain/chain.ts';
import type { Arena } from '../schema/arena.ts';
import type { RecordContext } from '../schema/records.ts';

/** The operator's validator, code and machine. */
export type Operator = {
  readonly validator: string;
  /** Tree hash of the code. */
  readonly tree: string;
  readonly node: string;
  /** The workflow run; null outside of one. */
  readonly run: { readonly id: string; readonly attempt: number } | null;
  readonly host: Readonly<Record<string, unknown>>;
  readonly tier: string;
};

/** The context that every record of this operator carries at a block. */
export async function recordContext(
  chain: ChainReader,
  operator: Operator,
  arena: Pick<Arena, 'netuid' | 'rules'>,
  block: BlockRef,
): Promise<{ schema: 1 } & RecordContext> {
  const { genesisHash, specName, specVersion } = await chain.identity();
  return {
    schema: 1,
    network: { genesisHash, netuid: arena.netuid, specName, specVersion },
    validator: operator.validator,
    block,
    harness: {
      ...{ tree: operator.tree, node: operator.node, rules: arena.rules },
      run: operator.run,
    },
    host: { ...operator.host },
  };
}

/**
 * The same for a plan, with the runtime that its own block ran on, which the audit asks for. Of the
 * older blocks that other records belong to a node may no longer know it.
 */
export async function planContext(
  chain: ChainReader,
  operator: Operator,
  arena: Pick<Arena, 'netuid' | 'rules'>,
  block: BlockRef,
): Promise<{ schema: 1 } & RecordContext> {
  const context = await recordContext(chain, operator, arena, block);
  const { specName, specVersion } = await chain.identity(block);
  return { ...context, network: { ...context.network, specName, specVersion } };
}
