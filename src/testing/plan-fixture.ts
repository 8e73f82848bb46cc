// The draft of a small plan, for tests of what is published.
import { because } from '../schema/reasons.ts';
import type { PlanDraft } from '../pipeline/scan.ts';
import { sha256Hex } from '../core/hash.ts';
import { devnetBeacon } from './anchor-fixture.ts';
import { testArena } from './test-arena.ts';

const hash = (text: string): `0x${string}` => `0x${sha256Hex(text)}`;

/** A plan of one challenger at a block, good for 300 blocks after its anchor. */
export function planDraftAt(validator: string, block: number, shards: number): PlanDraft {
  const key = `${validator}:7`;
  const digest = sha256Hex('image');
  return {
    kind: 'plan',
    path: `rounds/${block}/plan.json`,
    subject: [{ name: 'image', digest: { sha256: digest } }],
    predicate: {
      schema: 1,
      network: { genesisHash: hash('chain'), netuid: 2, specName: 'node', specVersion: 1 },
      validator,
      block: { number: block, hash: hash(`block ${block}`) },
      harness: { tree: 'unknown', node: 'v24', rules: 1, run: null },
      host: {},
      follows: null,
      plannedMinutes: 40,
      tier: 'test',
      arena: { ...testArena(validator), beacon: devnetBeacon },
      arenaSha256: sha256Hex('arena'),
      tokenizerSha256: sha256Hex('tokenizer'),
      corpus: 'generated',
      calibration: null,
      controls: [],
      standing: { winner: null, runnerUp: null },
      submissions: [
        {
          key,
          hotkey: validator,
          coldkey: validator,
          uid: 1,
          commitBlock: 7,
          revealBlock: null,
          image: 'ghcr.io/a/b',
          digest: `sha256:${digest}`,
          base: null,
          paymentTx: null,
          status: 'evaluate',
          role: 'challenger',
          verdict: null,
          ...because('admitted', 'valid, paid and revealed'),
          history: null,
        },
      ],
      shards,
    },
  };
}
