// Checks of a plan against the chain: its block, the validator's permit, and every submission.
import { historyOf } from '../../arena/history.ts';
import type { Snapshot } from '../../chain/chain.ts';
import { predecessorOf } from '../plan-life.ts';
import { lookUpPayments, planContent, readCommitments } from '../scan.ts';
import type { Check, Notes } from './check.ts';
import { derive } from './derive.ts';
import type { PlanSubject } from './subjects.ts';

type Line = PlanSubject['plan']['predicate']['submissions'][number];

/** The plan's block is one of this chain. */
async function checkBlock({ plan, ports }: PlanSubject, { fault }: Notes): Promise<void> {
  const { network, block } = plan.predicate;
  const chain = ports.chain!;
  if ((await chain.identity()).genesisHash !== network.genesisHash)
    fault('WRONG_CONTEXT', plan.path, `made for a chain with genesis ${network.genesisHash}`);
  else if ((await chain.blockHash(block.number)) !== block.hash)
    fault('WRONG_CONTEXT', plan.path, `block ${block.number} has another hash on the chain`);
  else {
    const { specName, specVersion } = await chain.identity(block);
    if (specName !== network.specName || specVersion !== network.specVersion)
      fault(
        'WRONG_CONTEXT',
        plan.path,
        `block ${block.number} ran on ${specName} ${specVersion}, the plan says ${network.specName} ${network.specVersion}`,
      );
  }
}

/**
 * The validator's permit; submissions, standing and shards, derived again from what the chain shows
 * at the plan's block.
 */
async function checkSubmissions(subject: PlanSubject, notes: Notes): Promise<void> {
  const { plan, arena, ports, before } = subject;
  const { block, network, harness, calibration, validator } = plan.predicate;
  const chain = ports.chain!;
  // Of another chain nothing follows: the check of the block has said so.
  if ((await chain.blockHash(block.number)) !== block.hash) return;
  const history = historyOf(before);
  const snapshot: Snapshot = await chain.snapshot(network.netuid, block);
  if (!snapshot.neurons.find(({ hotkey }) => hotkey === validator)?.validatorPermit)
    notes.fault(
      'WRONG_KEY',
      plan.path,
      `${validator} had no validator permit at block ${block.number}`,
    );
  const commitments = await readCommitments(chain, network.netuid, snapshot, history);
  const payments = await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
  const predecessor = predecessorOf(before, { block, tree: harness.tree });
  const view = { ...snapshot, commitments, payments };
  const derived = planContent(arena, view, history, { calibration, predecessor });
  compareContent(subject, derived, untoldKeys(view), notes);
}

/** Keys of submissions of which the chain no longer tells the payment, or the date of the reveal. */
function untoldKeys({
  payments,
  commitments,
}: {
  readonly payments: Awaited<ReturnType<typeof lookUpPayments>>;
  readonly commitments: Awaited<ReturnType<typeof readCommitments>>;
}): ReadonlySet<string> {
  const unpaid = [...payments].filter(([, { state }]) => state === 'unknown');
  const undated = commitments.filter(({ content }) => content.kind === 'unknown');
  return new Set([
    ...unpaid.map(([key]) => key),
    ...undated.map(({ hotkey, commitBlock }) => `${hotkey}:${commitBlock}`),
  ]);
}

/**
 * A plan's content beside what the chain says. One payment that no node tells any longer must not
 * switch off the comparison of all others.
 */
function compareContent(
  subject: PlanSubject,
  derived: ReturnType<typeof planContent>,
  untold: ReadonlySet<string>,
  notes: Notes,
): void {
  const { plan } = subject;
  const { submissions, standing, shards, controls, follows } = plan.predicate;
  const told = (line: Line): boolean => !untold.has(line.key);
  const missing = derived.submissions.find(
    ({ key }) => !submissions.some((submission) => submission.key === key),
  );
  if (missing) {
    const what = `the chain had a submission ${missing.key} that the plan does not list`;
    notes.fault('OMISSION', plan.path, what);
    return;
  }
  for (const key of untold)
    notes.unchecked(plan.path, `the chain no longer tells all of ${key}: use an archive endpoint`);
  const minutes = plan.predicate.plannedMinutes;
  const rest = untold.size === 0 ? { follows, plannedMinutes: minutes, shards } : {};
  const recorded = { standing, controls, submissions: submissions.filter(told), ...rest };
  const own = { ...derived, submissions: derived.submissions.filter(told) };
  const wanted = Object.fromEntries(
    Object.keys(recorded).map((name) => [name, own[name as keyof typeof own]]),
  );
  derive(subject, notes, ['content', recorded, wanted]);
}

/** Every check of a plan that needs the chain. */
export const PLAN_CHAIN_CHECKS: readonly Check<PlanSubject>[] = [
  {
    name: 'plan-block',
    needs: 'chain',
    rule: 'Audit of a plan against the chain',
    run: checkBlock,
  },
  {
    name: 'submissions',
    needs: 'chain',
    rule: 'Audit of a plan against the chain',
    run: checkSubmissions,
  },
];
