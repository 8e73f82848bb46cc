// Renders rounds as a self-contained HTML page with tables and charts.
import type { RoundPredicate } from '../schema/records.ts';
import { html, type Html } from './html.ts';

/** One row of a round's table. */
type ReportEntry = {
  readonly key: string;
  readonly miner: string;
  readonly image: string | null;
  readonly verdict: string;
  readonly reason: string;
  readonly score: number;
  readonly ttftNs: number | null;
  readonly tokensPerSecond: number | null;
};
export type ReportRound = {
  readonly block: number;
  readonly winner: string | null;
  readonly runnerUp: string | null;
  readonly baseline: { ttftNs: number; tokensPerSecond: number } | null;
  /** Difference between the baseline and itself in a challenger's slot; null: not measured. */
  readonly control: number | null;
  readonly entries: readonly ReportEntry[];
};
export type ReportPage = {
  readonly title: string;
  readonly rounds: readonly ReportRound[];
  readonly weights: readonly { uid: number; weight: number; who: string }[];
  readonly audit: { ok: boolean; faults: number } | null;
};

/** A round's predicate as rows. `nameOf` gives what people call a miner. */
export function reportRound(
  round: RoundPredicate,
  nameOf: (hotkey: string) => string,
): ReportRound {
  const boots = round.entries.flatMap((entry) => entry.boots.map(({ report }) => report));
  const timed = boots.find((report) => report.ttft.baselineNs !== null);
  return {
    block: round.block.number,
    winner: round.standing.winner?.key ?? null,
    runnerUp: round.standing.runnerUp?.key ?? null,
    baseline: timed
      ? {
          ttftNs: timed.ttft.baselineNs!,
          tokensPerSecond: timed.throughput.baselineTokensPerSecond!,
        }
      : null,
    control: round.control?.d ?? null,
    entries: round.entries
      .map((entry) => {
        const report = entry.boots[0]?.report;
        return {
          key: entry.key,
          miner: nameOf(entry.hotkey),
          image: entry.image,
          verdict: entry.verdict,
          reason: entry.reason,
          score: entry.score,
          ttftNs: report?.ttft.challengerNs ?? null,
          tokensPerSecond: report?.throughput.challengerTokensPerSecond ?? null,
        };
      })
      .sort((a, b) => b.score - a.score || (a.miner < b.miner ? -1 : 1)),
  };
}
const BAR = 22;
const LEFT = 130;
const WIDTH = 420;

/** Bars of one number per miner, drawn with SVG alone so that the page opens from disk. */
function bars(
  title: string,
  unit: string,
  rows: readonly { name: string; value: number; tone: string }[],
): Html {
  const most = Math.max(1e-9, ...rows.map(({ value }) => value));
  const drawn = rows.map(({ name, value, tone }, i) => {
    const y = 8 + i * BAR;
    const length = Math.max(1, (value / most) * WIDTH);
    const label = value >= 100 ? value.toFixed(0) : value.toFixed(2);
    return html`<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${name}</text><rect class="${tone}" x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR - 6}" rx="2"/><text class="n" x="${(LEFT + length + 6).toFixed(1)}" y="${y + 14}">${label}</text>`;
  });
  return html`<figure><figcaption>${title} <small>${unit}</small></figcaption><svg viewBox="0 0 ${LEFT + WIDTH + 70} ${rows.length * BAR + 12}" role="img" aria-label="${title}">${drawn}</svg></figure>`;
}

function roundSection(round: ReportRound): Html {
  const tone = (entry: ReportEntry): string => {
    if (entry.key === round.winner) return 'win';
    if (entry.key === round.runnerUp) return 'second';
    return entry.verdict === 'VALID' ? 'valid' : 'bad';
  };
  const measured = round.entries.filter((entry) => entry.ttftNs !== null);
  const baseline = round.baseline
    ? [
        {
          name: 'baseline',
          tone: 'base',
          ttftNs: round.baseline.ttftNs,
          tokensPerSecond: round.baseline.tokensPerSecond,
        },
      ]
    : [];
  const all = [
    ...baseline,
    ...measured.map((entry) => ({
      name: entry.miner,
      tone: tone(entry),
      ttftNs: entry.ttftNs!,
      tokensPerSecond: entry.tokensPerSecond ?? 0,
    })),
  ];
  const place = (entry: ReportEntry): Html | string => {
    if (entry.key === round.winner) return html` <b class="win">winner</b>`;
    return entry.key === round.runnerUp ? html` <b class="second">runner-up</b>` : '';
  };
  const rows = round.entries.map(
    (entry) =>
      html`<tr><td>${entry.miner}${place(entry)}</td><td><span class="v ${entry.verdict === 'VALID' ? 'ok' : 'no'}">${entry.verdict}</span></td><td class="n">${entry.score.toFixed(4)}</td><td>${entry.reason}</td><td><code>${entry.image ?? ''}</code></td></tr>`,
  );
  const control =
    round.control === null
      ? ''
      : html`<p>The baseline in a challenger's slot, beside itself: ${round.control.toFixed(4)}. A slot worth nothing gives 0.</p>`;
  return html`<section><h2>Round at block ${round.block}</h2>
<table><thead><tr><th>miner</th><th>verdict</th><th>score</th><th>reason</th><th>image</th></tr></thead><tbody>${rows}</tbody></table>${control}
<div class="charts">${bars(
    'Score',
    '0 = as fast as the baseline',
    measured.map((entry) => ({ name: entry.miner, value: entry.score, tone: tone(entry) })),
  )}
${bars(
  'Time to first token',
  'ms, lower is better',
  all.map((item) => ({ name: item.name, value: item.ttftNs / 1e6, tone: item.tone })),
)}
${bars(
  'Throughput',
  'tokens per second, end to end',
  all.map((item) => ({ name: item.name, value: item.tokensPerSecond, tone: item.tone })),
)}</div></section>`;
}

const STYLE = html`:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--line:#d8dee4;--dim:#59636e}@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--line:#30363d;--dim:#9198a1}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1100px;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}.n{font-variant-numeric:tabular-nums}td code{font-size:12px;color:var(--dim)}
.v{padding:.05rem .45rem;border-radius:3px;font-size:13px}.ok{background:#1f883d22;color:#1a7f37}.no{background:#cf222e22;color:#cf222e}b.win{color:#9a6700}b.second{color:#0969da}.charts{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:1rem 0;flex:1 1 320px}figcaption{font-weight:600}small{font-weight:400;color:var(--dim)}svg{width:100%;font:12px system-ui,sans-serif}svg text{fill:var(--fg)}rect.base{fill:#8c959f}rect.valid{fill:#2da44e}rect.win{fill:#d4a72c}rect.second{fill:#218bff}rect.bad{fill:#cf222e}footer{color:var(--dim);margin:2rem 0}`;

/** One self-contained page: no script, no network. */
export function reportHtml(page: ReportPage): string {
  const weights = page.weights.map(
    ({ uid, weight, who }) =>
      html`<tr><td class="n">${uid}</td><td class="n">${weight}</td><td>${who}</td></tr>`,
  );
  const { audit } = page;
  const told = audit?.ok === true ? 'passed' : `${audit?.faults ?? 0} faults`;
  const audited =
    audit === null
      ? ''
      : html`<p>Audit of the ledger: <span class="v ${audit.ok ? 'ok' : 'no'}">${told}</span></p>`;
  const rounds = [...page.rounds].reverse().map(roundSection);
  const text = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${page.title}</title><style>${STYLE}</style></head><body>
<h1>${page.title}</h1>${audited}${rounds}
<section><h2>Weights on chain</h2><table><thead><tr><th>uid</th><th>weight (u16)</th><th>who</th></tr></thead><tbody>${weights}</tbody></table></section>
<footer>Gold: winner. Blue: runner-up. Red: failed. Grey: baseline. Every number follows from the traces in the ledger.</footer></body></html>
`;
  return text.toString();
}
