// Ends a plan: judges what its machines left once more, and signs nothing that differs.
import { firstDifference } from '../core/difference.ts';
import { LedgerError } from '../ledger/errors.ts';
import { lastBlockOf, planOf } from '../ledger/plans.ts';
import type { FileSet } from '../ledger/store.ts';
import { drawnPlan } from '../judge/drawn-plan.ts';
import {
  adoptOwnAnchor,
  type AnchorArena,
  type AnchorRecording,
} from '../pipeline/anchor/record-anchor.ts';
import { drawOf } from '../pipeline/draw/verify-draw.ts';
import { publishJudged, type PublishPorts } from '../pipeline/publish.ts';
import type { Draw, Judged } from '../schema/artifacts.ts';
import { judgeEvidence } from './judging.ts';

/** What a plan's jobs handed over. */
export type Measured = {
  /** Block of the plan. */
  readonly block: number;
  /** What the judge made of it; null: nobody judged yet. */
  readonly judged: Judged | null;
  readonly draw: Draw | null;
  /** The evidence of the plan's shards. */
  readonly evidenceOf: (shards: readonly number[]) => Promise<FileSet>;
};

/**
 * Signs the round of a plan, or its void where no seed was drawn, nothing was measured, or it comes
 * after the plan's last block. It judges
 * the evidence itself: a forged artifact would be signed otherwise. Throws `LEDGER_BEHIND`,
 * `BAD_DRAW`, and `BROKEN_LEDGER` where the judge says something else.
 */
export async function publishMeasured(
  ports: PublishPorts & AnchorRecording,
  arena: AnchorArena,
  root: string,
  { block, judged, draw, evidenceOf }: Measured,
): Promise<Judged> {
  await adoptOwnAnchor(ports, arena, ports.operator);
  const ledger = await ports.ledger.read();
  const plan = planOf(ledger, block);
  if (!draw) {
    const end = judged && 'void' in judged ? judged : { void: 'no seed was drawn' };
    await publishJudged(ports, plan, end, { draw, evidence: new Map() });
    return end;
  }
  const { seed } = drawOf(ledger, plan, draw);
  const { number: head } = await ports.chain.finalizedHead();
  const last = lastBlockOf(ledger, plan);
  if (head > last) {
    // A round that was kept back could be published once its result pleases.
    const end = { void: `no round before its last block ${last}` };
    await publishJudged(ports, plan, end, { draw, evidence: new Map() });
    return end;
  }
  const evidence = await evidenceOf(drawnPlan(plan, seed).shards.map(({ index }) => index));
  const asked = judged && 'void' in judged && evidence.size === 0;
  const own = asked ? judged : judgeEvidence(plan, seed, evidence, root);
  const difference = judged && firstDifference(judged, JSON.parse(JSON.stringify(own)), 'verdicts');
  if (difference !== null)
    throw new LedgerError(
      'BROKEN_LEDGER',
      'infra',
      `the judge handed over something else than the evidence says: ${difference}`,
      'nothing was signed: look at the job that judged',
    );
  await publishJudged(ports, plan, own, { draw, evidence });
  return own;
}
