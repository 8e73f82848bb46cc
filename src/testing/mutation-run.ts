// Mutated, re-signed ledgers by number: each is named by the audit, or its change is harmless.
import { equalBytes } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { Prng } from '../core/prng.ts';
import { audit } from '../pipeline/audit/audit.ts';
import { noPorts } from './check-bench.ts';
import { forge } from './forger.ts';
import { ledgerFixture } from './ledger-fixture.ts';
import { mutate, type Mutation } from './mutate.ts';

/**
 * Changes that an audit without a chain lets pass, and why none of them moves a verdict, a score, a
 * seat or a weight.
 */
const HARMLESS: readonly { readonly why: string; readonly what: RegExp }[] = [
  {
    why: 'evidence that was judged again to the same numbers: only a rerun tells whether it was measured so',
    what: /^(?:trace (?:value|times|lines)): rounds\/\d+\/traces\//,
  },
  {
    why: 'what a record says of its maker and of the runtime: nothing follows from it, and rules and tree are compared where they judge',
    what: /predicate\.(?:network\.spec\w+|harness\.\w+|host\b.*):? /,
  },
  {
    why: 'the words of an outcome: its status, its row and its block are compared',
    what: /^(?:value|member): weights\/\d+\.json predicate\.reasons?\b/,
  },
  {
    why: 'where an anchor stands on chain: anchors-on-chain asks the chain for block, time, index and bytes',
    what: /anchor\.json predicate\.anchor\.(?:extrinsic\.index|block\.(?:hash|timestampMs))/,
  },
  {
    why: 'what only the chain tells of weights, within what they allow: outcomes-on-chain asks for blocks and the row',
    what: /weights\/\d+(?:\.intent)?\.json predicate\.(?:block\.hash|includedIn\.(?:hash|number)|readBack\.\d+\.weight)/,
  },
  {
    why: 'a tail that was cut off, or a last record: head-anchored and not-landed ask the chain, a witness knows it',
    what: /^drop: weights\/310\.json$/,
  },
];

/** What became of many mutations. */
type MutationCount = {
  changed: number;
  /** Of them, those that the audit named. */
  named: number;
  /** Of them, how often each harmless class was met. */
  harmless: Map<string, number>;
  /** Neither named nor harmless: each is a hole. */
  holes: string[];
};

/** Makes, signs and audits the mutations of these numbers. A number gives the same one again. */
export async function runMutations(numbers: Iterable<number>): Promise<MutationCount> {
  const fixture = await ledgerFixture();
  const { validator, tokenizer, corpus } = fixture;
  const ports = { ...noPorts, tokenizerOf: () => tokenizer, corpusOf: () => corpus };
  const count: MutationCount = { changed: 0, named: 0, harmless: new Map(), holes: [] };
  for (const number of numbers) {
    const draw = new Prng(sha256(`mutation ${number}`), 'mutations');
    const made: { mutation: Mutation } = { mutation: null };
    const files = forge(fixture, (bench) => {
      made.mutation = mutate(bench, draw);
    });
    const { mutation } = made;
    const same =
      files.size === fixture.files.size &&
      [...files].every(([path, bytes]) => {
        const before = fixture.files.get(path);
        return before !== undefined && equalBytes(before, bytes);
      });
    // Some kinds find nothing to change, and some changes the signing undoes again.
    if (!mutation || same) continue;
    count.changed++;
    const { ok } = await audit(new Map([[validator, files]]), ports);
    const text = `${mutation.kind}: ${mutation.what}`;
    const harmless = ok ? HARMLESS.find(({ what }) => what.test(text)) : undefined;
    if (!ok) count.named++;
    else if (harmless)
      count.harmless.set(harmless.why, (count.harmless.get(harmless.why) ?? 0) + 1);
    else count.holes.push(`mutation ${number}: ${text}`);
  }
  return count;
}

/** How many mutations a run tries: `SOAK_MUTATIONS`, else 2,000. */
export const MUTATIONS = Number(process.env['SOAK_MUTATIONS'] ?? 2000);
