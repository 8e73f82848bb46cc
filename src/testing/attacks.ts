// Every tampered record, fault, dishonest validator, invariant and strategy by its id: what it is, and what is out of scope.
type Attack = {
  readonly id: string;
  readonly what: string;
  /** Why no test of this repository can show it; then it needs none. */
  readonly outOfScope?: string;
};

const T: readonly string[] = [
  'a byte of a record flipped',
  'a byte of a signature flipped',
  'the marker bit of a signature cleared',
  'signed by another registered hotkey',
  'signed by an ed25519 key',
  'signed as a wallet wraps text',
  'the key in another spelling',
  'another payload type',
  'the hint names another key',
  'a second signature, known or not',
  'the same record written otherwise',
  'a JSON member twice',
  'numbers that no double holds',
  'another kind or version of record',
  'an old result in a new round',
  'another network, subnet or validator',
  'a result deleted',
  'a gap in the numbers',
  'two records of one number',
  'history written anew',
  'a score edited',
  'evidence edited or dropped',
  'a key outside its window: no permit at the block of the plan',
  'other code than that of the plan',
  'a bundle of another workflow',
  'paths that climb, links, twins in case, giants',
  'weights on chain that do not follow',
  'blocks outside their window',
];
const F: readonly string[] = [
  'killed before a container is made',
  'killed after it is made',
  'killed under load',
  'a machine that comes back after the last block of its plan',
  'killed after measuring, before anything was handed over',
  'an artifact that is cut',
  'killed after signing, before the push',
  'eight writers at once',
  'the push landed, its answer was lost',
  'no space left on a disk',
  'killed inside a commit',
  'a node that is down, old, of another chain, or lies',
  'sent, and the node dies',
  'a re-organisation drops a transaction',
  'two workflows at once',
  'the time of day jumps',
  'GitHub refuses, or asks to wait',
  'nobody approves a round',
];
const A: readonly string[] = [
  'an arena of its own in a signed plan',
  'a row on chain that no record knows',
  'sealed weights that say something else',
  'a record that breaks the audit of all others',
  'one payment that no node tells hides all others',
  'anchors left out, overwritten or never published',
  'two plans at once, and the worse one voided',
  'traces missing, cut, swapped, impossible or used twice',
  'code, rules, tier or blocks that nobody compares',
  'measurements copied from another validator',
  'prompts that nobody drew again',
  'evidence that takes minutes or gigabytes to read',
  'paths in a ledger that read local files',
  'a ledger in an odd folder, or behind a link',
  'rules of a local chain on a public one',
  'answers that fill the ledger for ever',
  'a verdict that the judge did not find',
  'a ledger that is gone, signed on from its beginning',
];
const I: readonly string[] = [
  'no record that was on record is lost',
  'one end for each plan',
  'every plan ends',
  'the chain holds what the ledger says',
  'one transaction with weights an epoch',
  'records without a gap',
  'no secret on the machine that measures',
  'nothing stays on that machine',
];

const S: readonly string[] = [
  'entries as slow as the rules allow, until the job is over',
  'an incumbent behind its own registry while a rival is measured',
  'breaking the host, so that a rival’s round is void',
  'a flood of entries from one purse',
  'naming the winner’s image as a public base',
  'padded copies of the winner for the second place',
  'committing a stock public engine before its tuners',
  'a validator that draws until the prompts please it',
  'short documents: a stored answer as a draft',
  'a note of one boot’s answers in the page cache of the weights, for the next',
  'heat or clocks left for the next server',
  'fp8 only where the own gap is large',
  'an alteration below the limit of one boot, in every boot',
  'guessed first tokens, with any delay and any packing',
];

const OUT: Readonly<Record<string, string>> = {
  S12: 'tolerated: the tokens are nearly those of the model',
  T25: 'records are signed by the hotkey, not by a workflow: who holds it may sign anywhere, and the audit looks at what was signed',
};

const listed = (letter: string, digits: number, whats: readonly string[]): Attack[] =>
  whats.map((what, i) => {
    const id = `${letter}${String(i + 1).padStart(digits, '0')}`;
    return { id, what, ...(OUT[id] !== undefined && { outOfScope: OUT[id] }) };
  });

/** All of them, in the order of the table in SECURITY.md. */
export const ATTACKS: readonly Attack[] = [
  ...listed('T', 2, T),
  ...listed('F', 2, F),
  ...listed('A', 1, A),
  ...listed('I', 1, I),
  ...listed('S', 2, S),
];
