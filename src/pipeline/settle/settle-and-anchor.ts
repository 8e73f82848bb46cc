// Sets the validator's weights, then writes the hash of its newest ledger record to the chain.
import { messageOf } from '../../core/errors.ts';
import type { Arena } from '../../schema/arena.ts';
import { anchor, type AnchorReport } from './anchor.ts';
import type { Operator } from '../context.ts';
import { settle, type SettlePorts, type SettleReport } from './settle.ts';

/**
 * Settles, then anchors the ledger's head. An anchor that cannot be written is told, and takes
 * nothing from the weights.
 */
export async function settleAndAnchor(
  ports: SettlePorts,
  arena: Arena,
  operator: Operator,
  dryRun: boolean,
): Promise<SettleReport & { anchor: AnchorReport }> {
  const report = await settle(ports, arena, operator, dryRun);
  if (dryRun) return { ...report, anchor: { anchored: false, reason: 'dry run', block: null } };
  const { ledger, log } = ports;
  let anchored: AnchorReport;
  try {
    anchored = await anchor(ports, arena, await ledger.read());
  } catch (error) {
    // The weights are set: a lost connection now takes nothing from them, and the next run anchors.
    anchored = { anchored: false, reason: messageOf(error), block: null };
  }
  if (!anchored.anchored) log.info(`head not anchored: ${anchored.reason}`);
  return { ...report, anchor: anchored };
}
