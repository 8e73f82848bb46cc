// Ends a plan: judges what its machines left once more, and signs nothing that differs.
import { firstDifference } from '../core/difference.ts';
import { LedgerError } from '../ledger/errors.ts';
import { lastBlockOf, planOf } from '../ledger/plans.ts';
import type { Ledger } from '../ledger/read.ts';
import type { FileSet } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
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
  /** Why somebody ends the plan by hand; null: it ends in what its evidence says. */
  readonly endedBy?: string | null;
  /** The evidence of the plan's shards. */
  readonly evidenceOf: (shards: readonly number[]) => Promise<FileSet>;
};

/** Why a plan whose seed is known ends in a void, whatever was measured; null where it does not. */
async function voidCause(
  { chain }: Pick<AnchorRecording, 'chain'>,
  ledger: Ledger,
  plan: LedgerRecord<'plan'>,
  endedBy: string | null,
): Promise<string | null> {
  if (endedBy !== null) return endedBy;
  const { number: head } = await chain.finalizedHead();
  const last = lastBlockOf(ledger, plan);
  // A round that was kept back could be published once its result pleases.
  return head > last ? `no round before its last block ${last}` : null;
}

/**
 * Signs the round of a plan; or its void where no seed was drawn, nothing was measured, it comes
 * after the plan's last block, or somebody ends it by hand: with the evidence there is. It judges
 * the evidence itself: a forged artifact would be signed otherwise. Throws `LEDGER_BEHIND`,
 * `BAD_DRAW`, and `BROKEN_LEDGER` where the judge says something else.
 */
export async function publishMeasured(
  ports: PublishPorts & AnchorRecording,
  arena: AnchorArena,
  root: string,
  { block, judged, draw, endedBy = null, evidenceOf }: Measured,
): Promise<Judged> {
  await adoptOwnAnchor(ports, arena, ports.operator);
  const ledger = await ports.ledger.read();
  const plan = planOf(ledger, block);
  if (!draw) {
    const end = { void: endedBy ?? 'no seed was drawn' };
    await publishJudged(ports, plan, end, { draw, evidence: new Map() });
    return end;
  }
  const { seed } = drawOf(ledger, plan, draw);
  const evidence = await evidenceOf(drawnPlan(plan, seed).shards.map(({ index }) => index));
  const cause = await voidCause(ports, ledger, plan, endedBy);
  if (cause !== null) {
    await publishJudged(ports, plan, { void: cause }, { draw, evidence });
    return { void: cause };
  }
  const { judged: own } = judgeEvidence(plan, seed, evidence, root);
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
