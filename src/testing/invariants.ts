// What must hold whatever fails: each invariant by its id, as code.
import type { ChainReader } from '../chain/chain.ts';
import { recordsOf } from '../ledger/records-of.ts';
import type { AnyRecord } from '../ledger/verify.ts';
import { ANCHORED_CHECKS } from '../pipeline/audit/audit-anchor.ts';
import { NOW_CHECKS } from '../pipeline/audit/audit-now.ts';
import { WEIGHTS_CHECKS } from '../pipeline/audit/audit-weights.ts';
import { anchorFaults, foundBy, noPorts } from './check-bench.ts';
import type { MemoryChain } from './memory-chain.ts';

/** A validator after all its runs. */
type Aftermath = {
  readonly validator: string;
  readonly records: readonly AnyRecord[];
  /** Faults that reading its ledger found. */
  readonly faults: readonly string[];
  /** Records that ever were on record, by path: their sha256. */
  readonly landed: ReadonlyMap<string, string>;
  readonly chain: MemoryChain;
};
type Invariant = {
  readonly id: string;
  readonly what: string;
  readonly broken: (after: Aftermath) => string[] | Promise<string[]>;
};

const readerOf = ({ chain }: Aftermath): ChainReader => chain as unknown as ChainReader;

/** What the audit's own checks find. */
async function auditFaults(after: Aftermath): Promise<string[]> {
  const { validator, records } = after;
  const chain = readerOf(after);
  const ledger = { validator, records, files: new Map(), faults: [] };
  const subject = { ledger, ports: { ...noPorts, chain } };
  const found = [...(await anchorFaults(records, validator, chain))];
  const place = { chain, path: '' };
  found.push(...(await foundBy(ANCHORED_CHECKS, subject, place)).faults);
  const sent = WEIGHTS_CHECKS.filter(({ name }) => name !== 'weights');
  for (const record of [
    ...recordsOf({ records }, 'weights-intent'),
    ...recordsOf({ records }, 'weights'),
  ])
    found.push(
      ...(await foundBy(sent, { ...subject, record }, { chain, path: record.path })).faults,
    );
  return found;
}

/** Every record that ends a plan. */
const endsOf = (records: readonly AnyRecord[], { sha256 }: AnyRecord): AnyRecord[] =>
  [...recordsOf({ records }, 'round'), ...recordsOf({ records }, 'void')].filter(
    ({ predicate }) => predicate.plan === sha256,
  );

/** Blocks of the validator's transactions of a kind, by epoch. */
function byEpoch({ chain }: Aftermath, kind: 'set-weights' | 'commit'): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { call, block } of chain.taken()) {
    if (call.kind !== kind) continue;
    const epoch = chain.epochOf(block);
    counts.set(epoch, (counts.get(epoch) ?? 0) + 1);
  }
  return counts;
}

/**
 * Every invariant that a schedule of faults can break. I7 (no secret on the machine that measures)
 * and I8 (nothing stays there) are tests of workflows and of containers, by these ids.
 */
export const INVARIANTS: readonly Invariant[] = [
  {
    id: 'I1',
    what: 'no record that was on record is lost or changed',
    broken: ({ records, landed }) =>
      [...landed].flatMap(([path, sha256]) =>
        records.some((record) => record.path === path && record.sha256 === sha256)
          ? []
          : [`${path} is gone or another one`],
      ),
  },
  {
    id: 'I2',
    what: 'a plan has one end at most',
    broken: ({ records }) =>
      recordsOf({ records }, 'plan').flatMap((plan) =>
        endsOf(records, plan).length > 1 ? [`${plan.path} ended twice`] : [],
      ),
  },
  {
    id: 'I3',
    what: 'every plan has an end',
    broken: ({ records }) =>
      recordsOf({ records }, 'plan').flatMap((plan) =>
        endsOf(records, plan).length === 0 ? [`${plan.path} never ended`] : [],
      ),
  },
  {
    id: 'I4',
    what: 'the row on chain is the one on record, as are all anchors and transactions',
    broken: async (after) => {
      const chain = readerOf(after);
      const { validator, records } = after;
      const ledger = { validator, records, files: new Map(), faults: [] };
      const subject = { ledger, ports: { ...noPorts, chain } };
      const now = (await foundBy(NOW_CHECKS, subject, { chain, path: '' })).faults;
      const taken = after.chain.taken();
      const count = (kind: string): number => taken.filter(({ call }) => call.kind === kind).length;
      const anchors = recordsOf({ records }, 'anchor').length;
      const rows = recordsOf({ records }, 'weights').filter(
        ({ predicate }) => predicate.includedIn !== null,
      ).length;
      return [
        ...now,
        ...(await auditFaults(after)),
        ...(count('commit') === anchors
          ? []
          : [`${count('commit')} anchors on chain, ${anchors} on record`]),
        ...(count('set-weights') === rows
          ? []
          : [`${count('set-weights')} rows on chain, ${rows} on record`]),
      ];
    },
  },
  {
    id: 'I5',
    what: 'one transaction with weights an epoch',
    broken: (after) =>
      [...byEpoch(after, 'set-weights')].flatMap(([epoch, count]) =>
        count > 1 ? [`${count} rows in epoch ${epoch}`] : [],
      ),
  },
  {
    id: 'I6',
    what: 'records are numbered without a gap, and each is signed and follows the one before',
    broken: ({ records, faults }) => [
      ...faults,
      ...records.flatMap(({ path, predicate }, i) =>
        predicate.seq === i ? [] : [`${path} is number ${predicate.seq}, not ${i}`],
      ),
    ],
  },
];
