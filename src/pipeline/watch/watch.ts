// What is wrong with a validator that its own workflows would not tell: it has stopped, or turns in circles.
import type { Ledger } from '../../ledger/read.ts';
import { endOf, lastBlockOf, openPlan } from '../../ledger/plans.ts';
import { recordsOf } from '../../ledger/records-of.ts';

/** Blocks of an hour, at 12 seconds each. */
const HOUR_BLOCKS = 300;
/** Weights older than this are old: a subnet forgets a validator after some 5,000 blocks. */
const OLD_WEIGHTS_BLOCKS = 10 * HOUR_BLOCKS;
/** So many plans in a row that ended in a void. */
const VOIDS = 3;
/** Ticks come twice an hour; GitHub drops some. */
const MISSED_TICK_HOURS = 3;

/** Now, as far as the watchdog sees it. */
export type WatchNow = {
  /** The chain's finalized head. */
  readonly block: number;
  readonly nowMs: number;
  /** When the workflow `round` last began; null: never, or not known. */
  readonly lastTickMs: number | null;
  /** Block of the validator's last weights on chain. */
  readonly lastUpdate: number;
};

/** One thing that a person should look at, and what to do. */
export type Alarm = { readonly code: string; readonly text: string; readonly mend: string };

const hours = (blocks: number): string => `${Math.round(blocks / HOUR_BLOCKS)} hours`;

/** Everything that a person should look at; nothing where all is well. */
export function* alarmsOf(ledger: Ledger, now: WatchNow): Generator<Alarm> {
  const { block, nowMs, lastTickMs, lastUpdate } = now;
  const silentHours = lastTickMs === null ? Infinity : (nowMs - lastTickMs) / 3_600_000;
  if (silentHours > MISSED_TICK_HOURS)
    yield {
      code: 'missed-ticks',
      text:
        lastTickMs === null
          ? 'the workflow round never ran'
          : `the workflow round last began ${Math.round(silentHours)} hours ago`,
      mend: 'enable the workflow: GitHub turns schedules off in forks, and after 60 days without a commit',
    };
  const open = openPlan(ledger);
  if (open && block > lastBlockOf(ledger, open))
    yield {
      code: 'stuck-plan',
      text: `the plan at block ${open.predicate.block.number} is open ${hours(block - lastBlockOf(ledger, open))} after its last block`,
      mend: 'look at the jobs of that run: the next plan declares it void',
    };
  const ends = recordsOf(ledger, 'plan')
    .filter((plan) => plan.sha256 !== open?.sha256)
    .slice(-VOIDS)
    .map((plan) => endOf(ledger, plan));
  if (ends.length === VOIDS && ends.every((end) => end?.kind === 'void')) {
    const last = ends.at(-1);
    yield {
      code: 'voids',
      text: `the last ${VOIDS} plans ended in voids, the last one: ${last?.kind === 'void' ? last.predicate.reason : ''}`,
      mend: 'run cacheon doctor on the machine that measures',
    };
  }
  const age = block - lastUpdate;
  if (age > OLD_WEIGHTS_BLOCKS)
    yield {
      code: 'old-weights',
      text: `the weights on chain are ${hours(age)} old`,
      mend: 'look at the workflow settle; cacheon settle --dry-run says what it would do',
    };
}

/** The alarms as the text of an issue. */
export function alarmText(alarms: readonly Alarm[]): string {
  const lines = alarms.map(({ code, text, mend }) => `- **${code}**: ${text}. ${mend}.`);
  return [...lines, '', 'This issue is closed by the same workflow once all of it is mended.'].join(
    '\n',
  );
}
