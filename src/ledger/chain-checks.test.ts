// One chain of records, time that never goes back, and one end for each plan.
import { describe, expect, it } from 'vitest';
import { checkChain, checkEnds, checkTime } from './chain-checks.ts';
import type { AnyRecord } from './verify.ts';

const network = { genesisHash: '0x01', netuid: 2 };
/** A record with what these checks look at. */
function record(
  kind: AnyRecord['kind'],
  path: string,
  more: Partial<{ sha256: string; block: number }> & Record<string, unknown> = {},
): AnyRecord {
  const { sha256 = path, block = 10, ...rest } = more;
  const predicate = { seq: 0, prev: null, network, ...rest, block: { number: block } };
  return { kind, path, sha256, predicate } as unknown as AnyRecord;
}
type Check = (fault: (code: string, path: string, message: string) => void) => void;
const faultsOf = (check: Check): string[] => {
  const faults: string[] = [];
  check((code, path) => void faults.push(`${code} ${path}`));
  return faults;
};
const chain = (...records: AnyRecord[]) => faultsOf((fault) => checkChain(records, fault));

describe('the chain', () => {
  const a = record('void', 'a');
  const b = record('void', 'b', { seq: 1, prev: 'a' });
  it('links each record to the one before it', () => {
    expect(chain()).toEqual([]);
    expect(chain(a, b, record('void', 'c', { seq: 2, prev: 'b' }))).toEqual([]);
  });
  it('begins with number 0 and nothing before it', () => {
    expect(chain(record('void', 'a', { seq: 3 }))).toEqual(['CHAIN_GAP a']);
    expect(chain(record('void', 'a', { prev: 'x' }))).toEqual(['REWRITE a']);
  });
  it('has no gap, no other predecessor, and no number twice', () => {
    expect(chain(a, record('void', 'c', { seq: 2, prev: 'a' }))).toEqual(['CHAIN_GAP c']);
    expect(chain(a, record('void', 'b', { seq: 1, prev: 'x' }))).toEqual(['REWRITE b']);
    expect(chain(a, b, record('void', 'c', { seq: 1, prev: 'a' }))).toEqual(['EQUIVOCATION c']);
    expect(chain(a, b, { ...b, path: 'copy' })).toEqual(['REPLAY copy']);
  });
  it('is of one chain and one subnet', () => {
    const other = (over: object) =>
      record('void', 'b', { seq: 1, prev: 'a', network: { ...network, ...over } });
    expect(chain(a, other({ netuid: 3 }))).toEqual(['WRONG_CONTEXT b']);
    expect(chain(a, other({ genesisHash: '0x02' }))).toEqual(['WRONG_CONTEXT b']);
  });
});

describe('time', () => {
  const time = (...blocks: (readonly [AnyRecord['kind'], number])[]) =>
    faultsOf((fault) =>
      checkTime(
        blocks.map(([kind, block], i) => record(kind, `${i}`, { block })),
        fault,
      ),
    );
  it('never goes back for plans and intents; ends carry the block of what they end', () => {
    expect(time(['plan', 10], ['weights-intent', 10], ['round', 10], ['plan', 20])).toEqual([]);
    expect(time(['plan', 20], ['weights', 10], ['void', 5])).toEqual([]);
    expect(time(['plan', 20], ['weights-intent', 19], ['plan', 20])).toEqual(['TIME 1']);
  });
});

describe('the end of a plan', () => {
  const plan = (block: number, seq: number) =>
    record('plan', `rounds/${block}/plan.json`, {
      block,
      seq,
      sha256: `${block}`,
    });
  const end = (kind: 'round' | 'void', block: number, of = `${block}`, seq = 9) =>
    record(kind, `rounds/${block}/${kind}.json`, { block, plan: of, seq });
  const ends = (records: AnyRecord[], paths: string[] = [], overdueIsFault = true) =>
    faultsOf((fault) => checkEnds(records, paths, overdueIsFault, fault));
  it('is a round or a void, and not needed for the newest one in time', () => {
    const first = [plan(10, 0), end('round', 10, '10', 1)];
    expect(ends([...first, plan(20, 2), end('void', 20)])).toEqual([]);
    expect(ends([plan(10, 0)])).toEqual([]);
  });
  it('is missed where a later plan or evidence lies there', () => {
    expect(ends([plan(10, 0), plan(20, 1)])).toEqual(['OMISSION rounds/10/round.json']);
    const trace = 'rounds/10/traces/0/1/baseline.ndjson.gz';
    expect(ends([plan(10, 0)], [trace])).toEqual(['OMISSION rounds/10/round.json']);
    expect(ends([plan(10, 0)], [trace.replace('10', '20')])).toEqual([]);
  });
  it('is missed after its last block by an auditor, not by its own validator', () => {
    const late = record('weights-intent', 'weights/311.intent.json', { block: 311, seq: 1 });
    const last = record('weights-intent', 'weights/310.intent.json', { block: 310, seq: 1 });
    const anchor = { block: 10, seq: 1, plan: '10', notAfter: 310 };
    const anchored = [plan(10, 0), record('anchor', 'rounds/10/anchor.json', anchor)];
    expect(ends([...anchored, late])).toEqual(['OMISSION rounds/10/round.json']);
    expect(ends([...anchored, late], [], false)).toEqual([]);
    expect(ends([...anchored, last])).toEqual([]);
    // Without its anchor nobody could measure it: it has two hours to get one.
    const after = (block: number) =>
      record('weights-intent', `weights/${block}.intent.json`, { block, seq: 1 });
    expect(ends([plan(10, 0), after(610)])).toEqual([]);
    expect(ends([plan(10, 0), after(611)])).toEqual(['OMISSION rounds/10/round.json']);
  });
  it('comes before the next plan: of two open ones the worse could be dropped', () => {
    expect(ends([plan(10, 0), plan(20, 1), end('void', 10), end('round', 20)])).toEqual([
      'EQUIVOCATION rounds/20/plan.json',
    ]);
  });
  it('is one, and of this very plan', () => {
    expect(ends([plan(10, 0), end('round', 10), end('void', 10)])).toEqual([
      'EQUIVOCATION rounds/10/void.json',
    ]);
    expect(ends([plan(10, 0), end('round', 10, 'other')])).toEqual([
      'REWRITE rounds/10/round.json',
    ]);
  });
});
