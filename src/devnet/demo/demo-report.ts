// What a demo shows at its end: its report, its page and its rounds as tables.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { AuditReport } from '../../pipeline/audit/audit.ts';
import { reportHtml } from '../../site/page.ts';
import type { ReportRound } from '../../site/round-rows.ts';

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
  /** The same, with who holds each uid. */
  shares: { uid: number; weight: number; who: string }[];
  audit: Pick<AuditReport, 'ok' | 'faults' | 'records' | 'evaluations'>;
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
  const shares = weights.map((item) => ({ ...item, who: who(item.uid) }));
  mkdirSync(site, { recursive: true });
  writeFileSync(
    join(site, 'index.html'),
    reportHtml({
      title: 'Cacheon demo',
      made: `Played on this machine, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      results: relative(site, results),
      rounds: [...rounds],
      weights: shares,
      audit: { ok: audit.ok, faults: audit.faults.length },
    }),
  );
  return {
    ok: audit.ok,
    seconds: Number(seconds.toFixed(3)),
    rounds: rounds.map(listed),
    weights: Object.fromEntries(weights.map(({ uid, weight }) => [String(uid), weight])),
    shares,
    burnUid,
    audit: {
      ...{ ok: audit.ok, faults: audit.faults },
      ...{ records: audit.records, evaluations: audit.evaluations },
    },
    results,
    site,
    chain,
  };
}
