// Renders rounds as a self-contained HTML page: tables and bars that a phone shows, every number a link.
import { counted } from '../core/counted.ts';
import { shortDigest, shortKey, withShortKeys } from '../schema/short-names.ts';
import { GLOSSARY } from '../schema/glossary.ts';
import { mendOf } from '../schema/verdict-mends.ts';
import { html, type Html } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { ReportRound } from './round-rows.ts';

type Row = ReportRound['entries'][number];
export type ReportPage = {
  readonly title: string;
  /** When it was made, for people. */
  readonly made: string;
  readonly rounds: readonly ReportRound[];
  readonly weights: readonly { uid: number; weight: number; who: string }[];
  readonly audit: { ok: boolean; faults: number } | null;
  /** Where the ledgers are, as a link from this page: `results`, without a slash at its end. */
  readonly results: string;
};

/** What a bar shows: a name, a number, and where the number comes from. */
type Bar = {
  readonly name: string;
  readonly value: number;
  readonly tone: string;
  readonly href: string;
};

/** One number per server, as a list of bars: text stays as large as text, however narrow the page. */
function bars(title: string, unit: string, rows: readonly Bar[]): Html {
  const most = Math.max(1e-9, ...rows.map(({ value }) => value));
  const drawn = rows.map(({ name, value, tone, href }) => {
    const width = Math.max(0.5, (value / most) * 100).toFixed(1);
    const label = value >= 100 ? value.toFixed(0) : value.toFixed(2);
    return html`<li><span class="who">${name}</span><span class="track"><span class="bar ${tone}" style="width:${width}%"></span></span><a href="${href}">${label}</a></li>`;
  });
  return html`<figure><figcaption>${title} <small>${unit}</small></figcaption><ul class="bars">${drawn}</ul></figure>`;
}

/** Links of a round: its record, and files below it. */
const folderHref = ({ results }: ReportPage, { validator, block }: ReportRound): string =>
  `${results}/${validator}/rounds/${block}`;

function toneOf(round: ReportRound, { key, verdict }: Row): string {
  if (key === round.winner) return 'win';
  if (key === round.runnerUp) return 'second';
  return verdict === 'VALID' ? 'valid' : 'bad';
}

function placeOf(round: ReportRound, { key }: Row): Html | string {
  if (key === round.winner) return html` <b class="win">winner</b>`;
  return key === round.runnerUp ? html` <b class="second">runner-up</b>` : '';
}

/** A verdict, linked to what it means where the page says so. */
function verdictOf(verdict: string): Html {
  const tone = verdict === 'VALID' ? 'ok' : 'no';
  const shown = html`<span class="v ${tone}">${verdict}</span>`;
  return mendOf(verdict) ? html`<a href="#${verdict}">${shown}</a>` : shown;
}

function tableOf(round: ReportRound, page: ReportPage): Html {
  const folder = folderHref(page, round);
  const rows = round.entries.map((entry) => {
    const { miner, verdict, score, reason, key, image, digest, trace } = entry;
    const href = trace === null ? `${folder}/round.json` : `${folder}/${trace}`;
    const named = digest === null ? '' : ` ${shortDigest(digest)}`;
    return html`<tr><th scope="row">${miner}${placeOf(round, entry)}<br><code title="${key}">${shortKey(key)}</code></th><td>${verdictOf(verdict)}</td><td class="n"><a href="${href}">${score.toFixed(4)}</a></td><td>${withShortKeys(reason)}<br><code>${image ?? ''}${named}</code></td></tr>`;
  });
  return html`<div class="wide" role="region" tabindex="0" aria-label="Entries of round ${round.block}"><table class="entries"><caption>Entries, the best score first; 0 is no faster than the baseline, or not the model’s own answers</caption><thead><tr><th scope="col">miner</th><th scope="col">verdict</th><th scope="col">score</th><th scope="col">why</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function chartsOf(round: ReportRound, page: ReportPage): Html {
  const folder = folderHref(page, round);
  const measured = round.entries.filter(({ ttftNs }) => ttftNs !== null);
  const of = (value: (entry: Row) => number | null): Bar[] =>
    measured.flatMap((entry) => {
      const number = value(entry);
      if (number === null) return [];
      const href = `${folder}/${entry.trace ?? 'round.json'}`;
      return [{ name: entry.miner, value: number, tone: toneOf(round, entry), href }];
    });
  const { baseline } = round;
  const base = (value: number): Bar[] =>
    baseline
      ? [{ name: 'baseline', value, tone: 'base', href: `${folder}/${baseline.trace}` }]
      : [];
  return html`<div class="charts">${bars(
    'Score',
    'boot 1; 0 = no faster, or failed',
    of(({ score }) => score),
  )}${bars('Time to first token', 'ms, median of boot 1, lower is better', [
    ...base((baseline?.ttftNs ?? 0) / 1e6),
    ...of(({ ttftNs }) => ttftNs! / 1e6),
  ])}${bars('Throughput', 'tokens a second, median of boot 1, end to end', [
    ...base(baseline?.tokensPerSecond ?? 0),
    ...of(({ tokensPerSecond }) => tokensPerSecond),
  ])}</div>`;
}

/** A round; of the newest one the outcome stands on top of the page already. */
function sectionOf(round: ReportRound, page: ReportPage): Html {
  const folder = folderHref(page, round);
  const { block, validator, network, control } = round;
  const said = round === page.rounds.at(-1) ? '' : html`<p class="outcome">${round.outcome}</p>`;
  const slot =
    control === null
      ? ''
      : html`<p>The baseline in a challenger's slot, beside itself: ${control.toFixed(4)}. It enters no score; one far from 0 tells of a noisy machine, and makes takeovers harder.</p>`;
  return html`<section aria-labelledby="round-${block}"><h2 id="round-${block}">Round at block ${block}</h2>
${said}
<p class="dim">${network}; validator <code title="${validator}">${shortKey(validator)}</code>; <a href="${folder}/plan.json">plan</a>, <a href="${folder}/round.json">record</a>, <a href="${folder}/round.json.sig">signature</a></p>
${tableOf(round, page)}${slot}${chartsOf(round, page)}</section>`;
}

function weightsOf({ weights }: ReportPage): Html {
  const all = Math.max(
    1,
    weights.reduce((sum, { weight }) => sum + weight, 0),
  );
  const rows = weights.map(
    ({ uid, weight, who }) =>
      html`<tr><th scope="row">${who}</th><td class="n">${uid}</td><td class="n">${weight}</td><td class="n">${((weight / all) * 100).toFixed(0)} %</td></tr>`,
  );
  return html`<section aria-labelledby="weights"><h2 id="weights">Weights on chain</h2><div class="wide" role="region" tabindex="0" aria-label="Weights"><table><caption>As the chain holds them, read back after they were set</caption><thead><tr><th scope="col">who</th><th scope="col">uid</th><th scope="col">weight (u16)</th><th scope="col">share</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function auditOf({ audit }: ReportPage): Html | string {
  if (audit === null) return '';
  const told = audit.ok ? 'passed' : counted(audit.faults, 'fault');
  return html`<p>Audit of the ledger: <span class="v ${audit.ok ? 'ok' : 'no'}">${told}</span></p>`;
}

/** What the words and the failed verdicts on the page mean, each with the heading of its rule. */
function wordsOf({ rounds }: ReportPage): Html {
  const entries = rounds.flatMap((round) => round.entries);
  const verdicts = [...new Set(entries.map(({ verdict }) => verdict))].sort();
  const words = GLOSSARY.map(
    ({ name, means, rule }) =>
      html`<dt>${name}</dt><dd>${means} <small>(RULES “${rule}”)</small></dd>`,
  );
  const failed = verdicts.flatMap((verdict) => {
    const known = mendOf(verdict);
    if (!known) return [];
    const { causes, mend, rule } = known;
    return [
      html`<dt id="${verdict}">${verdict}</dt><dd>Usual causes: ${causes}. To mend it: ${mend} <small>(RULES “${rule}”)</small></dd>`,
    ];
  });
  return html`<section aria-labelledby="words"><h2 id="words">What the words mean</h2><dl>${words}${failed}</dl></section>`;
}

/** One self-contained page: no script, no network. */
export function reportHtml(page: ReportPage): string {
  const rounds = [...page.rounds].reverse();
  const links = rounds.map(({ block }) => html`<a href="#round-${block}">round ${block}</a> `);
  const text = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${page.title}</title><style>${PAGE_STYLE}</style></head><body>
<header><h1>${page.title}</h1><p class="outcome">${rounds[0]?.outcome ?? 'No round yet.'}</p><p class="dim">${page.made}</p>${auditOf(page)}<nav aria-label="Rounds">${links}<a href="#weights">weights</a> <a href="#words">words</a></nav></header>
<main>${rounds.map((round) => sectionOf(round, page))}
${weightsOf(page)}
${wordsOf(page)}</main>
<footer>Gold: winner. Blue: runner-up. Green: valid. Red: failed. Grey: baseline. Every number links to the trace (gzip, one JSON object a line) or the record that it follows from; <code>cacheon audit</code> derives all of them again.</footer></body></html>
`;
  return text.toString();
}
