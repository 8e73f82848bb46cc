// What a plan ends in: the round that its evidence gives, and nothing that a job says otherwise.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChainReader } from '../chain/chain.ts';
import { silentLog } from '../core/log.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { readLedger, recordsOf } from '../ledger/read.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import type { Draw, Judged } from '../schema/artifacts.ts';
import { ledgerFixture, type LedgerFixture } from '../testing/ledger-fixture.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { publishMeasured } from './publishing.ts';
import { ROOT } from './repository.ts';

let fixture: LedgerFixture;
beforeAll(async () => {
  fixture = await ledgerFixture();
});

/** What differs from what the jobs of the plan hand over. */
type Handed = {
  readonly head?: number;
  readonly tree?: string;
  readonly drawn?: Draw | null;
  readonly endedBy?: string;
  readonly left?: ReadonlyMap<string, Uint8Array>;
};

/** The ledger as it was when the first plan was measured, and what its jobs hand over. */
function measured() {
  const { validator, signer, files, arena } = fixture;
  const { records } = readLedger(validator, files);
  const begin = records.slice(0, 2).flatMap(({ path }) => [path, `${path}.sig`]);
  const store = memoryStore(validator, new Map(begin.map((path) => [path, files.get(path)!])));
  const { predicate } = recordsOf({ records }, 'round')[0]!;
  const { seed, pulse, plan, entries, decisions, control, standing, shards, promptSuites } =
    predicate;
  const draw: Draw = { schema: 1, plan, seed, pulse };
  const body = { shards, promptSuites, entries, decisions, control, standing };
  const folder = 'rounds/100/';
  const evidence = new Map(
    Object.keys(predicate.files).map((name) => [name, files.get(`${folder}${name}`)!]),
  );
  const publish = (
    judged: Judged | null,
    { head = 200, tree = 'fixture', drawn = draw, endedBy, left = evidence }: Handed = {},
  ) => {
    const chain = {
      commitment: () => Promise.resolve({ hotkey: validator, standing: null, revealed: [] }),
      finalizedHead: () => Promise.resolve({ number: head, hash: '0x' }),
    } as unknown as ChainReader;
    const operator = { validator, tree, node: 'v24', run: null, host: {}, tier: 'fixture' };
    const ledger = new OwnLedger(store, signer);
    const ports = { chain, ledger, operator, log: silentLog, clock: monotonicClock };
    const evidenceOf = () => Promise.resolve(left);
    const ended = endedBy === undefined ? {} : { endedBy };
    const handed = { block: 100, judged, draw: drawn, ...ended, evidenceOf };
    return publishMeasured(ports, arena, ROOT, handed);
  };
  const text = (name: string) =>
    Buffer.from(store.files().get(`${folder}${name}`) ?? '').toString();
  return { publish, text, body, files: () => store.files() };
}

describe('what a plan ends in', () => {
  it('is the round that its evidence gives, byte by byte the same again', async () => {
    const { publish, text, body } = measured();
    await publish({ body });
    expect(text('round.json')).toBe(
      Buffer.from(fixture.files.get('rounds/100/round.json')!).toString(),
    );
  });
  it('A17 is nothing that a job says otherwise: a forged verdict is not signed', async () => {
    const { publish, files, body } = measured();
    const before = files().size;
    const forged = structuredClone(body);
    forged.entries[0]!.score += 1;
    await expect(publish({ body: forged })).rejects.toMatchObject({
      code: 'BROKEN_LEDGER',
      message: expect.stringContaining('entries.0.score'),
    });
    // Nor a void in the place of a round that was measured, that nobody asked for.
    await expect(publish({ void: 'nobody liked it' })).rejects.toMatchObject({
      code: 'BROKEN_LEDGER',
    });
    expect(files().size).toBe(before);
  });
  it('F04 is a void after the last block, with the seed that the next plan keeps', async () => {
    const { publish, text, body, files } = measured();
    expect(await publish({ body }, { head: 5000 })).toEqual({
      void: expect.stringMatching(/^no round before its last block \d+$/),
    });
    expect(JSON.parse(text('void.json'))).toMatchObject({
      predicate: {
        ...{ seed: expect.stringMatching(/^0x/), pulse: { round: expect.any(Number) } },
        files: { 'traces/0/1/baseline.ndjson.gz': expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    });
    // What was measured stays, and the ledger is sound with it.
    expect(files().has('rounds/100/traces/0/1/baseline.ndjson.gz')).toBe(true);
    expect(readLedger(fixture.validator, files()).faults).toEqual([]);
    expect(files().has('rounds/100/round.json')).toBe(false);
  });
  it('is a void by hand, for the reason that is given, with what was measured', async () => {
    const { publish, text } = measured();
    const reason = 'the runner was sold';
    expect(await publish(null, { endedBy: reason })).toEqual({ void: reason });
    expect(JSON.parse(text('void.json'))).toMatchObject({ predicate: { reason } });
  });
  it('is a void where nothing was measured or drawn, and nothing by other code', async () => {
    const none = measured();
    expect(await none.publish(null, { left: new Map() })).toEqual({
      void: 'the evaluation left no trace',
    });
    const undrawn = measured();
    expect(await undrawn.publish(null, { drawn: null })).toEqual({ void: 'no seed was drawn' });
    const newer = measured();
    await expect(newer.publish(null, { tree: 'newer' })).rejects.toMatchObject({
      code: 'CODE_CHANGED',
    });
  });
});
