// The role control: the baseline's image in a challenger's slot, which tells what a slot is worth.
import { bootDifference } from '../arena/takeover.ts';
import type { ArmReport } from '../schema/report.ts';
import { armReport } from './arm-report.ts';
import { unlessCut, withoutNumbers } from './arm.ts';
import type { BootReading } from './boot.ts';
import type { Judging } from './planned-boot.ts';
import { because } from '../schema/reasons.ts';

/** Name of the role control among the servers of a boot, and in its trace. */
export const CONTROL = 'control';

/** What the role control came to. `d`: its difference from the baseline; null: not measured. */
export type ControlResult = { readonly report: ArmReport; readonly d: number | null };

/** Whether a boot of a shard has a role control: once a round (RULES "Role control"). */
export function hasControl(
  { roleControl }: { readonly roleControl: boolean },
  shard: number,
  boot: number,
): boolean {
  return roleControl && shard === 0 && boot === 1;
}

/** Judges the role control of a shard's boot 1; null where none was to run. */
export function judgeControl(
  { arena }: Pick<Judging, 'arena'>,
  shard: number,
  { judge, baseline }: BootReading,
): ControlResult | null {
  if (!hasControl(arena, shard, 1)) return null;
  const name = { name: CONTROL, incumbent: false };
  const lost = because('no-trace', 'the role control has no usable trace');
  const verdict = unlessCut(() => judge(name)) ?? withoutNumbers('INFRA_HOST', lost);
  const report = armReport(verdict, baseline, true);
  if (!baseline.ok || verdict.verdict !== 'VALID') return { report, d: null };
  const { summary, timings } = baseline;
  const contest = {
    baseline: summary,
    opponent: { ...summary, score: 0 },
    clamped: false,
    noise: null,
    controlRatio: 1,
  };
  const difference = bootDifference(
    contest,
    { challenger: verdict.timings, opponent: timings },
    arena,
  );
  return { report, d: difference?.d ?? null };
}
