// Forged ledgers by class: what a dishonest validator who signs with its own key tried, and what names it.
import { beforeAll, describe, expect, it } from 'vitest';
import { compactJson } from '../../core/canonical.ts';
import { sha256Hex } from '../../core/hash.ts';
import { packEvidence, unpackText } from '../../ledger/io/evidence-files.ts';
import type { LedgerFiles } from '../../ledger/read.ts';
import { parseArena } from '../../schema/arena.ts';
import { madeCalibration } from '../../testing/calibration-fixture.ts';
import { keyOf } from '../../testing/contestants.ts';
import { noPorts } from '../../testing/check-bench.ts';
import { type Forged, forge, type Workbench } from '../../testing/forger.ts';
import { type Forgery, ledgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.ts';
import type { TraceLine } from '../../schema/trace.ts';
import { audit, type AuditPorts, type AuditReport } from './audit.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- a forger edits records as plain JSON */
let honest: LedgerFixture;
beforeAll(async () => {
  honest = await ledgerFixture();
});

const auditOf = (files: LedgerFiles, more: Partial<AuditPorts> = {}): Promise<AuditReport> => {
  const { tokenizer, corpus, validator } = honest;
  const ports = { ...noPorts, tokenizerOf: () => tokenizer, corpusOf: () => corpus };
  return audit(new Map([[validator, files]]), { ...ports, ...more });
};
/** Faults as `check code path: message`, paths under the validator's folder. */
const linesOf = ({ faults }: AuditReport): string[] =>
  faults.map(
    ({ check, code, path, message }) =>
      `${check} ${code} ${path.replace(`${honest.validator}/`, '')}: ${message}`,
  );
/** What an audit finds after a validator whose own code was changed has played its rounds. */
const played = async (forgery: Forgery, more: Partial<AuditPorts> = {}): Promise<string[]> =>
  linesOf(await auditOf((await ledgerFixture(forgery)).files, more));
/** What it finds in a ledger that was edited afterwards, and signed again. */
const edited = async (edit: (bench: Workbench) => void): Promise<string[]> =>
  linesOf(await auditOf(forge(honest, edit)));

const record = ({ records }: Workbench, path: string): Forged =>
  records.find((item) => item.path === path)!;
const inRound =
  (wanted: number, change: (draft: any) => void) =>
  <T>(made: T, round: number): T => {
    if (round !== wanted) return made;
    const copy = structuredClone(made);
    change(copy);
    return copy;
  };

describe('the forger’s kit', () => {
  it('signs a ledger again so that nothing but the edit shows', async () => {
    expect(await edited(() => undefined)).toEqual([]);
    expect(linesOf(await auditOf(honest.files))).toEqual([]);
  });
});

describe('A1 an arena of one’s own', () => {
  it.each<[string, (arena: any) => void]>([
    ['another burn uid', (arena) => (arena.burnUid = 3)],
    ['a smaller margin', (arena) => (arena.takeover.margin = 0)],
    ['another share of the pool', (arena) => (arena.emission.fullPoolScore = 0.5)],
    ['a wider drift', (arena) => (arena.driftLimit = 100)],
    ['no fee', (arena) => (arena.fee = 0)],
  ])('is found: %s', async (_what, change) => {
    const plan = inRound(2, (draft) => change(draft.predicate.arena));
    expect(await played({ plan })).toContainEqual(
      expect.stringMatching(/^arena WRONG_CONTEXT rounds\/300\/plan.json: another arena than that/),
    );
    // In every plan alike: against the arena that is named.
    const both: Forgery['plan'] = (draft, round) =>
      inRound(round, (copy) => change(copy.predicate.arena))(draft, round);
    const named = await played({ plan: both }, { localArena: honest.arena });
    expect(named.filter((line) => line.startsWith('arena WRONG_CONTEXT'))).toHaveLength(2);
  });
  it('on a public network is none of the repository’s, elsewhere, or out of its blocks', async () => {
    const beacon = parseArena({ ...honest.arena, beacon: undefined }, 'x').beacon;
    const genesisHash = `0x${sha256Hex('chain')}`;
    const finney = parseArena(
      { ...honest.arena, network: 'finney', genesisHash, beacon },
      'finney',
    );
    const known = {
      ...{ arena: finney, sha256: sha256Hex('arena'), network: 'finney' as const },
      ...{ netuid: finney.netuid, fromBlock: 0, toBlock: null },
    };
    const ask = async (arenas: AuditPorts['arenas']) =>
      linesOf(await auditOf(honest.files, { arenas })).filter((line) => line.startsWith('arena'));
    // A plan of a public chain that calls itself local.
    expect((await ask([known])).join()).toMatch(/not the arena that its sha256 names/);
    expect((await ask([{ ...known, sha256: '0'.repeat(64) }])).join()).toMatch(
      /is none of the repository's/,
    );
    const local = { ...known, arena: { ...honest.arena, genesisHash } };
    expect((await ask([{ ...local, network: 'local', toBlock: 200 }])).join()).toMatch(
      /rounds\/300\/plan.json: not the arena/,
    );
  });
});

describe('A4 numbers that no chain has', () => {
  it.each<[string, string, (predicate: any) => void]>([
    ['a netuid', 'rounds/100/plan.json', (p) => (p.network.netuid = 70_000)],
    ['a weight', 'weights/110.json', (p) => (p.weights[0].weight = 2 ** 40)],
    ['a uid', 'weights/310.intent.json', (p) => (p.holders[0].uid = 65_536)],
    ['a block', 'rounds/300/anchor.json', (p) => (p.anchor.block.number = 2 ** 33)],
    ['half a byte', 'weights/110.intent.json', (p) => (p.transaction.extrinsic = '0x123')],
  ])('are found, and hide no other ledger: %s', async (_what, path, change) => {
    const files = forge(honest, (bench) => change(record(bench, path).predicate));
    const { tokenizer, corpus, validator } = honest;
    const ports = { ...noPorts, tokenizerOf: () => tokenizer, corpusOf: () => corpus };
    const report = await audit(
      new Map([
        ['5Bad', files],
        [validator, honest.files],
      ]),
      ports,
    );
    expect(report.faults).toContainEqual(
      expect.objectContaining({ code: 'SCHEMA', path: `5Bad/${path}` }),
    );
    expect(report.evaluations).toBeGreaterThanOrEqual(5);
    const others = report.faults.filter(({ path: at }) => at.startsWith(validator));
    expect(others.map(({ code }) => code).filter((code) => code !== 'REPLAY')).toEqual([]);
  });
});

describe('A7 the life of a plan', () => {
  it('two at once, whichever ends first', async () => {
    const lines = await edited(({ records }) => {
      const [plan] = records.splice(
        records.findIndex(({ path }) => path === 'rounds/300/plan.json'),
        1,
      );
      records.splice(2, 0, plan!);
    });
    expect(lines).toContainEqual(
      expect.stringMatching(/^one-end EQUIVOCATION rounds\/300\/plan.json: .*two plans were open/),
    );
  });
  it('a round that was kept back past its last block', async () => {
    const lines = await edited(({ records }) => {
      const at = records.findIndex(({ path }) => path === 'rounds/100/round.json');
      const [round] = records.splice(at, 1);
      // Weights of a block after the plan's last one stand before its round now.
      records.find(({ path }) => path === 'weights/310.intent.json')!.predicate.block.number = 9000;
      const intent = records.findIndex(({ path }) => path === 'weights/310.intent.json');
      records.splice(intent + 1, 0, round!);
    });
    expect(lines).toContainEqual(
      expect.stringMatching(/^round-in-time TIME rounds\/100\/round.json: after /),
    );
  });
  it('an end that is missing', async () => {
    const lines = await edited((bench) => {
      const at = bench.records.findIndex(({ path }) => path === 'rounds/100/round.json');
      bench.records.splice(at, 1);
      for (const path of bench.evidence.keys())
        if (path.startsWith('rounds/100/')) bench.evidence.delete(path);
    });
    expect(lines.join('\n')).toMatch(/one-end OMISSION rounds\/100\/round.json/);
  });
});

describe('A8 evidence that is not what it says', () => {
  const rival = () => keyOf('slow');
  const first = (change: (line: any) => void) => (lines: readonly TraceLine[]) => {
    const copy = structuredClone(lines) as TraceLine[];
    change(copy);
    return copy;
  };
  it.each<[string, (lines: readonly TraceLine[]) => readonly TraceLine[] | null, RegExp]>([
    ['a rival’s trace is gone', () => null, /^traces-whole OMISSION rounds\/100\/traces\/0\/1\//],
    [
      'another image',
      first((lines) => (lines[0].image = 'ghcr.io/x@sha256:00')),
      /^headers WRONG_CONTEXT .*header.image/,
    ],
    [
      'another seed',
      first((lines) => (lines[0].seed = `0x${'1'.repeat(64)}`)),
      /^headers WRONG_CONTEXT .*header.seed/,
    ],
    [
      'another role',
      first((lines) => (lines[0].role = 'incumbent')),
      /^headers WRONG_CONTEXT .*header.role/,
    ],
    [
      'another machine',
      first((lines) => (lines[0].host = { gpus: 'eight of a friend' })),
      /^one-host WRONG_CONTEXT/,
    ],
    ['at the time of another', first((lines) => (lines[0].originNs = 1)), /^order-of-time TIME/],
    [
      'no start',
      (lines) => lines.filter(({ type }) => type !== 'event'),
      /^plausible TIME .*never started/,
    ],
    [
      'all asked at one instant',
      (lines) => lines.map((line) => (line.type === 'request' ? { ...line, tNs: 1e6 } : line)),
      /^plausible TIME .*before its server was free/,
    ],
  ])('is found: %s', async (_what, change, fault) => {
    const lines = await played({
      trace: ({ round, name, boot }, made) =>
        round === 1 && boot === 1 && name === rival() ? change(made) : made,
    });
    expect(
      lines.some((line) => fault.test(line)),
      lines.join('\n'),
    ).toBe(true);
  });
  it('is found: chunks a nanosecond after they were asked for', async () => {
    const lines = await played({
      trace: ({ name }, made) =>
        name === keyOf('fast')
          ? made.map((line, i) => {
              const asked = made.slice(0, i).findLast(({ type }) => type === 'request');
              return line.type === 'chunk' || line.type === 'end'
                ? { ...line, tNs: (asked as { tNs: number }).tNs + i }
                : line;
            })
          : made,
    });
    expect(lines.join('\n')).toMatch(/plausible TIME .*(?:are the least|tokens a second)/);
  });
  it('is found: one file for two arms, or an arm that was not to run', async () => {
    const twice = await edited(({ evidence }) => {
      const at = (name: string) => `rounds/100/traces/0/1/${name.replace(':', '-')}.ndjson.gz`;
      evidence.set(at(keyOf('slow')), evidence.get(at(keyOf('fast')))!);
    });
    expect(twice.join('\n')).toMatch(/evidence-once REPLAY/);
    const more = await edited(({ evidence }) => {
      const path = `rounds/100/traces/0/2/${keyOf('slow').replace(':', '-')}.ndjson.gz`;
      const fast = evidence.get(
        path.replace(keyOf('slow').replace(':', '-'), keyOf('fast').replace(':', '-')),
      )!;
      const text = unpackText(fast)!.replaceAll(keyOf('fast'), keyOf('slow'));
      evidence.set(path, packEvidence(Buffer.from(text)));
    });
    expect(more.join('\n')).toMatch(/traces-whole RECOMPUTE_MISMATCH .*was not to run in boot 2/);
  });
});

describe('A9 fields that nobody compared', () => {
  it.each<[string, string, (item: Forged) => void, RegExp]>([
    [
      'the rules of a plan',
      'rounds/300/plan.json',
      ({ predicate }) => (predicate.harness.rules = 2),
      /plan-context WRONG_CONTEXT/,
    ],
    [
      'the rules of a round',
      'rounds/300/round.json',
      ({ predicate }) => (predicate.harness.rules = 2),
      /round-context UNTRUSTED_HARNESS/,
    ],
    [
      'T24 the code of a round',
      'rounds/300/round.json',
      ({ predicate }) => (predicate.harness.tree = 'newer'),
      /round-context UNTRUSTED_HARNESS/,
    ],
    [
      'the block of a round',
      'rounds/300/round.json',
      ({ predicate }) => (predicate.block.hash = `0x${'3'.repeat(64)}`),
      /round-context WRONG_CONTEXT/,
    ],
    [
      'the network of a round',
      'rounds/300/round.json',
      ({ predicate }) => (predicate.network.specVersion = 9),
      /round-context WRONG_CONTEXT/,
    ],
    [
      'the subject of a plan',
      'rounds/100/plan.json',
      (item) => (item.subject = item.subject.slice(1)),
      /plan-context RECOMPUTE_MISMATCH .*subject/,
    ],
    [
      'the subject of a round',
      'rounds/100/round.json',
      (item) => (item.subject = item.subject.slice(1)),
      /round-context WRONG_CONTEXT .*subject/,
    ],
    [
      'a calibration of its own',
      'rounds/300/plan.json',
      ({ predicate }) => {
        predicate.tier = 'devnet';
        predicate.calibration = madeCalibration('devnet');
      },
      /plan-context WRONG_CONTEXT/,
    ],
    [
      'another tokenizer',
      'rounds/300/plan.json',
      ({ predicate }) => (predicate.tokenizerSha256 = '4'.repeat(64)),
      /plan-context RECOMPUTE_MISMATCH .*tokenizerSha256/,
    ],
  ])('are: %s', async (_what, path, change, fault) => {
    const lines = await edited((bench) => change(record(bench, path)));
    expect(lines.join('\n')).toMatch(fault);
  });
});

describe('A10 another validator’s measurements', () => {
  it('are named where both ledgers are at hand, and fit no other seed', async () => {
    const { tokenizer, corpus, validator } = honest;
    const ports = { ...noPorts, tokenizerOf: () => tokenizer, corpusOf: () => corpus };
    const ledgers = new Map([
      [validator, honest.files],
      ['5Copy', honest.files],
    ]);
    const { faults } = await audit(ledgers, ports);
    const elsewhere = faults.filter(({ check }) => check === 'evidence-elsewhere');
    expect(elsewhere.length).toBeGreaterThan(5);
    expect(
      elsewhere.every(({ code, path }) => code === 'REPLAY' && path.startsWith('5Copy/')),
    ).toBe(true);
  });
});

describe('A11 what is not at hand', () => {
  it('is no pass: the prompts of a corpus that nobody gave', async () => {
    const report = await auditOf(honest.files, { corpusOf: () => null });
    expect(report).toMatchObject({ ok: true, complete: false, faults: [] });
    expect(report.checks.find(({ name }) => name === 'prompts')?.state).toBe('not-checked');
    expect(report.unchecked[0]?.why).toMatch(/--corpus/);
  });
});

describe('A13 files that a ledger’s arena names', () => {
  it.each([
    ['tokenizer', { file: '../../etc/passwd', sha256: '0'.repeat(64) }],
    ['tokenizer', { file: '/etc/passwd', sha256: '0'.repeat(64) }],
    ['tokenizer', { package: '../..', file: 'x.json', sha256: '0'.repeat(64) }],
    [
      'model',
      { ...{ name: 'm', eosTokenId: 1, chatTemplate: 'chatml', systemMessage: '' }, path: '/' },
    ],
    [
      'model',
      {
        ...{ name: 'm', eosTokenId: 1, chatTemplate: 'chatml', systemMessage: '' },
        path: 'a/../..',
      },
    ],
  ])('stay inside: %s %j', async (field, value) => {
    const plan = inRound(
      1,
      (draft) => (draft.predicate.arena = { ...draft.predicate.arena, [field]: value }),
    );
    expect(() => parseArena({ ...honest.arena, [field]: value }, 'x')).toThrow(field);
    const files = forge(honest, (bench) => {
      plan({ predicate: record(bench, 'rounds/100/plan.json').predicate }, 1);
      Object.assign(record(bench, 'rounds/100/plan.json').predicate.arena, { [field]: value });
    });
    expect(linesOf(await auditOf(files)).join('\n')).toMatch(
      new RegExp(`arena SCHEMA rounds/100/plan.json: predicate.arena: ${field}`),
    );
  });
});

describe('A14 odd folders', () => {
  it('are named', async () => {
    const { faults } = await auditOf(honest.files, { strays: ['5Looks-like-one', 'notes'] });
    expect(faults.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'PATH 5Looks-like-one',
      'PATH notes',
    ]);
  });
});

describe('two histories of one validator', () => {
  it('pass alone, and are proven by any other clone', async () => {
    const other = forge(honest, (bench) => {
      record(bench, 'weights/310.json').predicate.reason = 'another story';
    });
    expect(linesOf(await auditOf(other))).toEqual([]);
    const { faults } = await auditOf(honest.files, {
      witness: new Map([[honest.validator, other]]),
    });
    expect(faults.map(({ check, code }) => `${check} ${code}`)).toEqual(['witness EQUIVOCATION']);
    const same = await auditOf(honest.files, {
      witness: new Map([[honest.validator, honest.files]]),
    });
    expect(same).toMatchObject({ ok: true });
    expect(compactJson(same.checks.filter(({ name }) => name === 'witness'))).toContain('passed');
  });

  it('are told from one that was cut off, and from none at all', async () => {
    const cut = new Map([...honest.files].filter(([path]) => !path.startsWith('weights/310')));
    const { complete, unchecked } = await auditOf(cut, {
      witness: new Map([[honest.validator, honest.files]]),
    });
    expect(complete).toBe(false);
    expect(unchecked[0]).toMatchObject({
      why: expect.stringMatching(/^the witness has 2 later records, from weights\/310/),
    });
    const nobody = await auditOf(honest.files, { witness: new Map([['5Other', honest.files]]) });
    expect(nobody.unchecked[0]).toMatchObject({
      why: expect.stringMatching(/nothing was compared/),
    });
  });
});
