// What the words of a verdict mean, for the page and the commands that show verdicts.

/** A word, in plain sentences, and the heading of its rule in `.github/RULES.md`. */
export type Word = {
  readonly name: string;
  readonly means: string;
  readonly rule: string;
  /** Where a text speaks of it. */
  readonly says: RegExp;
};

/** Words that stand beside numbers. */
export const GLOSSARY: readonly Word[] = [
  {
    name: 'score',
    means:
      'half of what the time to first token gained over the baseline, and half of what the throughput gained; 0 is no faster, or a fault',
    rule: 'Score',
    says: /\bscore\b/,
  },
  {
    name: 'time to first token',
    means:
      'follows from when tokens 9 to 24 arrived: a first token that was guessed or sent early gains nothing, and holding tokens back for a burst costs what it delays',
    rule: 'TTFT',
    says: /first token/,
  },
  {
    name: 'gate',
    means:
      'whether the answers are the model’s own: the reference reads every token of them and says how likely each was',
    rule: 'Verdict of the gate',
    says: /\bgate\b|E_GATE/,
  },
  {
    name: 'margin',
    means:
      'how much likelier (natural logarithm, in nat) the reference’s own best token is than the one that was sent; 0 is the best one itself',
    rule: 'Margin',
    says: /\bmargins?\b/,
  },
  {
    name: 'near-tie',
    means:
      'two tokens that are nearly as good: an honest server swaps a few of them, one of lower precision more',
    rule: 'Gate: near-ties',
    says: /near-tie/,
  },
  {
    name: 'bar',
    means:
      'what a challenger must be surely above: 1.01 times the holder’s score. Beside it stands the score of boot 1, by medians; how far it is ahead is the mean over prompts and boots',
    rule: 'Takeover',
    says: /\bbar\b|takes the throne|ahead by/,
  },
  {
    name: 'Z',
    means:
      'how sure the lead over the bar is: its mean over the boots against what chance would give; crowned above one limit, given up below another',
    rule: 'Takeover',
    says: /\bZ\b/,
  },
  {
    name: 'boot',
    means:
      'every server started once, on the same prompts; later boots start only those that may still win, without a baseline',
    rule: 'Takeover: the boots',
    says: /\bboots?\b/,
  },
];

/** The words that a text uses, in the glossary's order. */
export function wordsIn(text: string): readonly Word[] {
  return GLOSSARY.filter(({ says }) => says.test(text));
}
