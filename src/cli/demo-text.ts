// A demo's report as people read it: its rounds, the weights, the audit, and what to look at next.
import { counted } from '../core/counted.ts';
import { join } from 'node:path';
import type { DemoReport } from '../devnet/demo/demo-report.ts';
import { shortKey, withShortKeys } from '../schema/short-names.ts';
import { paint, table, wrapped } from './screen.ts';

type DemoRound = DemoReport['rounds'][number];

/** Who holds a place; an empty text for everybody else. */
function placeOf(key: string, { winner, runnerUp }: DemoRound): string {
  if (key === winner) return 'winner';
  return key === runnerUp ? 'runner-up' : '';
}

function roundLines(round: DemoRound): string[] {
  const rows = round.entries.map(({ key, miner, verdict, score, reason }) => [
    ...[miner, verdict, score.toFixed(4), placeOf(key, round), withShortKeys(reason)],
  ]);
  const head = ['miner', 'verdict', 'score', 'place', 'why'];
  return [
    paint('bold', `round at block ${round.block}`),
    ...table([head, ...rows], ['left', 'left', 'right']),
    '',
  ];
}

/** The whole report, and the commands that look further into it. */
export function* demoLines(report: DemoReport): Generator<string> {
  const { rounds, shares, audit, results, site, seconds } = report;
  for (const round of rounds) yield* roundLines(round);
  const keys = new Map(
    rounds.flatMap(({ entries }) => entries.map((e) => [e.miner, shortKey(e.key.split(':')[0]!)])),
  );
  yield* wrapped(`hotkeys: ${[...keys].map((pair) => pair.join(' ')).join(', ')}`);
  if (['guess', 'burst'].every((name) => keys.has(name)))
    yield* wrapped(
      'guess sends first tokens before it knows them, burst all of them at once: neither gains by it, for the time to first token follows from tokens 9 to 24 (.github/RULES.md "TTFT")',
    );
  const row = shares.map(({ uid, weight, who }) => `${who} (uid ${uid}) ${weight}`).join(', ');
  yield* wrapped(`weights on the chain: ${row}`);
  const verdict = audit.ok
    ? paint('green', 'passed')
    : paint('red', counted(audit.faults.length, 'fault'));
  yield* wrapped(
    `audit: ${verdict}, ${counted(audit.records, 'record')}, ${counted(audit.evaluations, 'evaluation')} judged again`,
  );
  yield `page:   ${join(site, 'index.html')}`;
  yield `ledger: ${results}`;
  yield `${seconds.toFixed(1)} s. Look further:`;
  yield `  scripts/cacheon audit ${results}`;
  yield `  scripts/cacheon why ${results}`;
  const last = rounds.at(-1)?.entries[0];
  if (last) yield `  scripts/cacheon why ${last.key.slice(0, 8)} ${results}`;
}
