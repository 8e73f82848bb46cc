// Sets the validator's weights, then anchors the hash of its newest ledger record on the chain.
import { CacheonError, messageOf } from '../../core/errors.ts';
import { recordsOf } from '../../ledger/read.ts';
import type { Arena } from '../../schema/arena.ts';
import { openPlan } from '../../ledger/plans.ts';
import { anchor } from '../anchor/anchor.ts';
import { assertOwnAnchor } from '../anchor/own-anchor.ts';
import { adoptOwnAnchor, anchorOnRecord } from '../anchor/record-anchor.ts';
import type { Operator } from '../context.ts';
import { settle, type SettlePorts, type SettleReport } from './settle.ts';

export type AnchorReport = {
  readonly anchored: boolean;
  readonly reason: string;
  readonly block: number | null;
};

/** No anchor; `done` where there was nothing to anchor. */
type NoAnchor = AnchorReport & { readonly done?: boolean };
const none = (reason: string, done = false): NoAnchor => ({
  ...{ anchored: false, reason, block: null },
  ...(done && { done }),
});

/** Anchors the head after the newest weights, once. */
async function anchorHead(ports: SettlePorts, arena: Arena, operator: Operator): Promise<NoAnchor> {
  const ledger = await ports.ledger.read();
  const weights = recordsOf(ledger, 'weights').at(-1);
  const head = ledger.records.at(-1);
  if (!weights || !head) return none('no weights are on record', true);
  if (anchorOnRecord(ledger, weights)) return none('the newest weights are anchored already', true);
  // A plan that waits for its own anchor gets no other: each anchor would draw another seed.
  const open = openPlan(ledger);
  if (open && !anchorOnRecord(ledger, open))
    return none("the open plan's own anchor comes first", true);
  const { predicate } = await anchor(ports, arena, operator, { of: weights, record: head });
  const { record, block } = predicate.anchor;
  return { anchored: true, reason: `record ${record.seq}`, block: block.number };
}

/**
 * Settles, then anchors the ledger's head. Stops where the chain knows more of this ledger than the
 * ledger does: a validator that lost its own would set all weights to burn. An anchor that cannot
 * be written is told, and takes nothing from the weights.
 */
export async function settleAndAnchor(
  ports: SettlePorts,
  arena: Arena,
  operator: Operator,
  dryRun: boolean,
): Promise<SettleReport & { anchor: AnchorReport }> {
  const { ledger, log, chain } = ports;
  if (dryRun) await assertOwnAnchor(chain, await ledger.read(), arena.netuid);
  else await adoptOwnAnchor(ports, arena, operator);
  const report = await settle(ports, arena, operator, dryRun);
  if (dryRun) return { ...report, anchor: none('dry run') };
  let anchored: NoAnchor;
  try {
    anchored = await anchorHead(ports, arena, operator);
  } catch (error) {
    if (!(error instanceof CacheonError)) throw error;
    // The weights are set: a lost connection now takes nothing from them, and the next run anchors.
    anchored = none(messageOf(error));
  }
  if (!anchored.anchored && !anchored.done) log.info(`head not anchored: ${anchored.reason}`);
  const { done, ...said } = anchored;
  return { ...report, anchor: said };
}
