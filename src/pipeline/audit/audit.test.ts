// An audit of a ledger of two rounds made in memory: it passes, and every forgery is named.
import { beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../core/bytes.ts';
import { renderJson } from '../../core/canonical.ts';
import { signatureFile } from '../../ledger/sign.ts';
import type { LedgerFiles } from '../../ledger/read.ts';
import { noPorts } from '../../testing/check-bench.ts';
import { keyOf } from '../../testing/contestants.ts';
import { ledgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.ts';
import { audit, type AuditReport } from './audit.ts';

let fixture: LedgerFixture;
beforeAll(async () => {
  fixture = await ledgerFixture();
});

function auditOf(files: LedgerFiles): Promise<AuditReport> {
  const { validator, tokenizer, corpus } = fixture;
  return audit(new Map([[validator, files]]), {
    ...noPorts,
    tokenizerOf: () => tokenizer,
    corpusOf: () => corpus,
  });
}
/* eslint-disable @typescript-eslint/no-explicit-any -- records are edited as an attacker would: as plain JSON */
type Edit = (predicate: Record<string, any>) => void;
/** Edits a record and signs it again with the validator's own key, as a dishonest one would. */
async function faultsOf(path: string, edit: Edit): Promise<string[]> {
  const files = new Map(fixture.files);
  const statement = JSON.parse(Buffer.from(files.get(path)!).toString()) as {
    predicate: Record<string, any>;
  };
  edit(statement.predicate);
  const bytes = utf8(renderJson(statement));
  files.set(path, bytes);
  files.set(`${path}.sig`, utf8(signatureFile(fixture.signer, bytes)));
  const { faults } = await auditOf(files);
  const own = faults.filter((fault) => fault.path === `${fixture.validator}/${path}`);
  return own.map(({ code, message }) => `${code} ${message}`);
}

describe('the fixture', () => {
  it('crowns the fast server, then the faster one, and fails the cheat', () => {
    const round = (block: number) =>
      JSON.parse(Buffer.from(fixture.files.get(`rounds/${block}/round.json`)!).toString()) as {
        predicate: Record<string, any>;
      };
    const [first, second] = [round(100).predicate, round(300).predicate];
    expect(first['standing'].winner.key).toBe(keyOf('fast'));
    expect(second['standing'].winner.key).toBe(keyOf('faster'));
    const cheat = first['entries'].find(({ key }: { key: string }) => key === keyOf('cheat'));
    expect(cheat).toMatchObject({ verdict: 'E_GATE', score: 0 });
    expect(cheat.reasons.map(({ code }: { code: string }) => code)).toContain('mean-margin');
  });
});

describe('an audit', () => {
  it('passes what is sound', async () => {
    const report = await auditOf(fixture.files);
    expect(report).toMatchObject({ ok: true, complete: true, records: 10, evaluations: 5 });
    expect(report.faults).toEqual([]);
  });
  it.each<[string, string, Edit, RegExp]>([
    [
      'a score',
      'rounds/300/round.json',
      (p) => (p['entries'][0].score = 7),
      /^RECOMPUTE_MISMATCH.*score/,
    ],
    [
      'a verdict',
      'rounds/100/round.json',
      (p) => (p['entries'].find((e: any) => e.verdict === 'E_GATE').verdict = 'VALID'),
      /^RECOMPUTE_MISMATCH.*verdict/,
    ],
    [
      'the winner',
      'rounds/300/round.json',
      (p) => (p['standing'].winner = p['standing'].runnerUp),
      /^RECOMPUTE_MISMATCH.*standing/,
    ],
    [
      'the reasons of a verdict',
      'rounds/100/round.json',
      (p) => (p['entries'].find((e: any) => e.verdict === 'E_GATE').reasons[0].value = 0),
      /^RECOMPUTE_MISMATCH.*reasons/,
    ],
    [
      'the seed',
      'rounds/300/round.json',
      (p) => (p['seed'] = `0x${'1'.repeat(64)}`),
      /^RECOMPUTE_MISMATCH the seed is 0x1111.* follows/,
    ],
    [
      'the minutes of a plan',
      'rounds/300/plan.json',
      (p) => (p['plannedMinutes'] = 7),
      /^RECOMPUTE_MISMATCH plannedMinutes/,
    ],
    [
      'the window of a plan',
      'rounds/300/anchor.json',
      (p) => (p['notAfter'] = 7),
      /^TIME notAfter/,
    ],
    [
      'the time of an anchor',
      'rounds/300/anchor.json',
      (p) => (p['anchor'].block.number = 5000),
      /^TIME it is 4700 blocks later than its plan/,
    ],
    [
      'the record that an anchor names',
      'rounds/300/anchor.json',
      (p) => (p['anchor'].record.sha256 = '1'.repeat(64)),
      /^WRONG_CONTEXT it anchors 1111.*, which is no earlier record/,
    ],
    [
      'the transaction of an anchor',
      'rounds/100/anchor.json',
      (p) => (p['anchor'].extrinsic.bytes = `0x${'12'.repeat(80)}`),
      /^WRONG_CONTEXT its transaction anchors something else/,
    ],
    [
      'the plan of an anchor',
      'rounds/300/anchor.json',
      (p) => (p['plan'] = '2'.repeat(64)),
      /^WRONG_CONTEXT it is of another plan/,
    ],
    [
      'the pulse',
      'rounds/300/round.json',
      (p) => (p['pulse'].round = 7),
      /^TIME pulse \d+, the first after the anchor is \d+/,
    ],
    [
      'the signature of the pulse',
      'rounds/100/round.json',
      (p) => (p['pulse'].signature = `0x${'a1'.repeat(48)}`),
      /^BAD_SIG pulse \d+ is not signed/,
    ],
    [
      'the prompts of a boot',
      'rounds/100/round.json',
      (p) => (p['promptSuites'][0].sha256 = '3'.repeat(64)),
      /^RECOMPUTE_MISMATCH .*promptSuites/,
    ],
    [
      'who was measured where',
      'rounds/100/round.json',
      (p) => p['shards'][0].entries.reverse(),
      /^RECOMPUTE_MISMATCH .*shards/,
    ],
    [
      'a standing that nobody left',
      'rounds/300/plan.json',
      (p) => (p['standing'].winner.score = 9),
      /^RECOMPUTE_MISMATCH standing/,
    ],
    [
      'an image’s history',
      'rounds/300/plan.json',
      (p) => (p['submissions'].find((s: any) => s.role === 'winner').history = null),
      /^RECOMPUTE_MISMATCH.*history/,
    ],
    [
      'a submission that was never judged',
      'rounds/300/plan.json',
      (p) => (p['submissions'].find((s: any) => s.status === 'judged').verdict = 'E_EXIT'),
      /never judged E_EXIT/,
    ],
    [
      'weights',
      'weights/310.intent.json',
      (p) => (p['weights'][0].weight -= 1),
      /^WEIGHT_MISMATCH/,
    ],
    [
      'a share',
      'weights/310.json',
      (p) => (p['shares'][0].share -= 0.01),
      /^WEIGHT_MISMATCH shares/,
    ],
    [
      'a holder',
      'weights/310.json',
      (p) => (p['holders'][0].hotkey = fixture.validator),
      /^WEIGHT_MISMATCH/,
    ],
    [
      'the burn uid',
      'weights/110.intent.json',
      (p) => (p['emission'].burnUid = 5),
      /^WEIGHT_MISMATCH other emission rules/,
    ],
    [
      'the round that weights follow from',
      'weights/310.intent.json',
      (p) => (p['round'] = null),
      /^WEIGHT_MISMATCH follows from round none/,
    ],
    [
      'a row that was not read back',
      'weights/310.json',
      (p) => (p['readBack'] = []),
      /says set, but read back other weights/,
    ],
    [
      'the signer of a transaction',
      'weights/310.intent.json',
      (p) => (p['transaction'].signer = 'another'),
      /another key signed it/,
    ],
    [
      'a transaction',
      'weights/310.intent.json',
      (p) => (p['transaction'].hash = `0x${'2'.repeat(64)}`),
      /its hash is another one/,
    ],
  ])('names %s that was changed and signed again', async (_what, path, edit, fault) => {
    const faults = await faultsOf(path, edit);
    expect(
      faults.some((text) => fault.test(text)),
      faults.join('\n'),
    ).toBe(true);
  });
  it('names a trace that is not the one the round lists', async () => {
    const [path] = [...fixture.files.keys()].filter((name) => name.includes('/traces/'));
    const files = new Map(fixture.files).set(path!, utf8('x'));
    const codes = (await auditOf(files)).faults.map(({ code }) => code);
    expect(codes).toContain('MERKLE_MISMATCH');
  });
  it('names what it cannot derive, and goes on with the other ledgers', async () => {
    const path = 'rounds/100/anchor.json';
    const bad = new Map(fixture.files);
    const text = Buffer.from(bad.get(path)!).toString();
    bad.set(path, utf8(text.replace(/"bytes": "0x.*"/, '"bytes": "0x123"')));
    const { tokenizer, corpus, validator } = fixture;
    const other = 'x'.repeat(40);
    const { faults } = await audit(
      new Map([
        [other, bad],
        [validator, fixture.files],
      ]),
      {
        ...noPorts,
        tokenizerOf: () => tokenizer,
        corpusOf: () => corpus,
      },
    );
    expect(faults.length).toBeGreaterThan(0);
    // A copy of a ledger is named too: its evidence is another validator's.
    const own = faults.filter(({ code }) => code !== 'REPLAY');
    expect(own.every((fault) => fault.path.startsWith(other))).toBe(true);
    expect(faults).toContainEqual(
      expect.objectContaining({ code: 'SCHEMA', path: `${other}/${path}` }),
    );
  });
  it('names an arena that is none, or has another beacon than its network', async () => {
    for (const change of [
      (p: any) => (p['arena'].netuid = 70_000),
      (p: any) =>
        Object.assign(p['arena'], { network: 'finney', genesisHash: `0x${'1'.repeat(64)}` }),
    ])
      expect(await faultsOf('rounds/100/plan.json', change)).toContainEqual(
        expect.stringMatching(/^SCHEMA predicate.arena: (?:netuid|beacon)/),
      );
  });
  it('needs a ledger', async () => {
    await expect(auditOf(new Map())).rejects.toMatchObject({ code: 'EMPTY_LEDGER' });
  });
});
