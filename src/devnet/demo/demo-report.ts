// What a demo shows at its end: its report, its page and its rounds as tables.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditReport } from '../../pipeline/audit/audit.ts';
import { reportHtml, type ReportRound } from '../../site/page.ts';

/** What `demo --json` prints. */
export type DemoReport = {
  ok: boolean;
  seconds: number;
  rounds: {
    block: number;
    winner: string | null;
    runnerUp: string | null;
    entries: {
      key: string;
      miner: string;
      image: string | null;
      verdict: string;
      reason: string;
      score: number;
    }[];
  }[];
  weights: Record<string, number>;
  burnUid: number;
  audit: { ok: boolean; faults: AuditReport['faults'] };
  results: string;
  site: string;
  chain: string;
};

/** What a demo knows once it has played. */
export type Played = {
  readonly rounds: readonly ReportRound[];
  readonly weights: readonly { readonly uid: number; readonly weight: number }[];
  readonly burnUid: number;
  readonly audit: AuditReport;
  readonly results: string;
  readonly chain: string;
  readonly seconds: number;
  /** Who holds a uid. */
  readonly who: (uid: number) => string;
};

/** A round as the report lists it: without the times behind its scores. */
const listed = ({
  block,
  winner,
  runnerUp,
  entries,
}: ReportRound): DemoReport['rounds'][number] => ({
  block,
  winner,
  runnerUp,
  entries: entries.map(({ key, miner, image, verdict, reason, score }) => ({
    key,
    miner,
    image,
    verdict,
    reason,
    score,
  })),
});

/** Writes the page into a folder, and gives the report that `demo --json` prints. */
export function demoReport(played: Played, site: string): DemoReport {
  const { rounds, weights, burnUid, audit, results, chain, seconds, who } = played;
  mkdirSync(site, { recursive: true });
  writeFileSync(
    join(site, 'index.html'),
    reportHtml({
      title: 'Cacheon demo',
      rounds: [...rounds],
      weights: weights.map((item) => ({ ...item, who: who(item.uid) })),
      audit: { ok: audit.ok, faults: audit.faults.length },
    }),
  );
  return {
    ok: audit.ok,
    seconds: Number(seconds.toFixed(3)),
    rounds: rounds.map(listed),
    weights: Object.fromEntries(weights.map(({ uid, weight }) => [String(uid), weight])),
    burnUid,
    audit: { ok: audit.ok, faults: audit.faults },
    results,
    site,
    chain,
  };
}

/** The end of a demo, in lines. */
export function endLines(
  { weights, who, audit, results, seconds }: Played,
  site: string,
): string[] {
  const row = weights.map(({ uid, weight }) => `${who(uid)} (uid ${uid}) ${weight}`).join(', ');
  const verdict = audit.ok ? 'passed' : `${audit.faults.length} faults`;
  return [
    `weights read back from the chain: ${row}`,
    `audit: ${verdict}, ${audit.records} records, ${audit.evaluations} evaluations judged again`,
    `ledger: ${results}\nreport: ${join(site, 'index.html')}\n${seconds.toFixed(1)} s`,
  ];
}

const placeOf = (key: string, round: ReportRound): string => {
  if (key === round.winner) return 'winner';
  return key === round.runnerUp ? 'runner-up' : '';
};

/** A round as a table for a terminal. */
export function roundTable(round: ReportRound): string[] {
  const rows = round.entries.map((entry) => [
    entry.miner,
    entry.verdict,
    entry.score.toFixed(4),
    placeOf(entry.key, round),
    entry.reason,
  ]);
  const table = [['miner', 'verdict', 'score', 'place', 'reason'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return [
    `\nround at block ${round.block}`,
    ...table.map(
      (row) =>
        `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}`,
    ),
  ];
}
