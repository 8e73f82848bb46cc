// The report of one evaluation, as verdict.json of its folder.
import type { Reason } from './reasons.ts';
import type { Verdict } from './verdicts.ts';

/** `verdict.json` (RULES "Report of an arm"). Non-finite numbers are null. */
export type Report = {
  schema: 1;
  verdict: Verdict;
  reason: string;
  reasons: Reason[];
  score: number;
  ttft: { baselineNs: number | null; challengerNs: number | null; improvement: number | null };
  throughput: {
    baselineTokensPerSecond: number | null;
    challengerTokensPerSecond: number | null;
    improvement: number | null;
  };
  gate: null | {
    kind: 'margin' | 'first-divergence';
    pass: boolean;
    reasons: string[];
    tokens: number;
    meanMarginNats: number | null;
    firstTokenStrikes: number;
    bigMargins: number;
    clippedNats: number;
  };
  takeover: null | { takesOver: boolean; lowerBound: number | null; bar: number | null };
  drift: number | null;
  prompts: {
    index: number;
    ttftNs: { baseline: number | null; challenger: number | null };
    tokens: { baseline: number; challenger: number };
    tokensPerSecond: { baseline: number; challenger: number };
    score: number | null;
  }[];
};
