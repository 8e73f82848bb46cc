// A round judged from its signed plan and traces: what is missing, foreign or gone costs nobody.
import { beforeAll, describe, expect, it } from 'vitest';
import { readEvidence } from '../ledger/io/evidence-files.ts';
import { readLedger, recordsOf } from '../ledger/read.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { because } from '../schema/reasons.ts';
import type { Trace } from '../schema/trace.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture, type LedgerFixture } from '../testing/ledger-fixture.ts';
import { suiteHash } from '../prompts/sampler.ts';
import { bootSuite } from '../prompts/suites.ts';
import type { BootBody } from '../schema/boot-bodies.ts';
import { type DrawnPlan, drawnPlan, type RoundEvidence } from './drawn-plan.ts';
import { judgeRound } from './round.ts';
import { nextBoot, sidesOf } from './shard.ts';

let fixture: LedgerFixture;
let plan: LedgerRecord<'plan'>;
let drawn: DrawnPlan;
let traces: Map<string, Trace>;
let bodies: RoundEvidence['bodies'];
beforeAll(async () => {
  fixture = await ledgerFixture();
  const ledger = readLedger(fixture.validator, fixture.files);
  plan = recordsOf(ledger, 'plan')[0]!;
  const own = [...fixture.files].flatMap(([path, bytes]) =>
    path.startsWith('rounds/100/') ? [[path.slice('rounds/100/'.length), bytes] as const] : [],
  );
  drawn = drawnPlan(plan, recordsOf(ledger, 'round')[0]!.predicate.seed);
  ({ traces, bodies } = readEvidence(new Map(own)));
});
const pathsOf = (name: string): string[] =>
  [...traces.keys()].filter((path) => path.includes(name.replace(':', '-')));
/** Verdicts of the first round with other traces, by the miner's name. */
function verdicts(
  change: (changed: Map<string, Trace>) => void,
  of = plan,
  asked = bodies,
): string[] {
  const changed = new Map(traces);
  change(changed);
  const evidence = { traces: changed, bodies: asked };
  const { entries } = judgeRound({ ...drawn, plan: of }, evidence, fixture.tokenizer);
  return (['fast', 'slow', 'cheat'] as const).map((name) => {
    const { verdict, reason } = entries.find(({ key }) => key === keyOf(name))!;
    return `${verdict}: ${reason}`;
  });
}
/** Changes the header of every trace of a name. */
const reheaded = (name: string, header: object) => (changed: Map<string, Trace>) => {
  for (const path of pathsOf(name)) {
    const trace = changed.get(path)!;
    changed.set(path, { ...trace, header: { ...trace.header, ...header } });
  }
};
const CROWNED = expect.stringMatching(
  /^VALID: [\d.]+ is above the bar [\d.]+, ahead by [\d.]+ on average, surely after 2 boots \(Z [\d.]+ of 4.02\)$/,
) as string;
const SLOWER = 'VALID: no faster than the baseline';
const cheats = expect.stringMatching(/^E_GATE: \d+ tokens are more than/) as string;

describe('a round', () => {
  it('is the same for the same traces, in any order', () => {
    const reversed = new Map([...traces].reverse());
    expect(judgeRound(drawn, { traces: reversed, bodies }, fixture.tokenizer)).toEqual(
      judgeRound(drawn, { traces, bodies }, fixture.tokenizer),
    );
    expect(verdicts(() => undefined)).toEqual([CROWNED, SLOWER, cheats]);
  });
  it("is nobody's loss where a trace is missing, or is of another arm, boot or plan", () => {
    const lost = 'INFRA_HOST: shard 0, boot 1: no usable trace';
    const slow = keyOf('slow');
    for (const change of [
      (changed: Map<string, Trace>) => pathsOf(slow).forEach((path) => changed.delete(path)),
      reheaded(slow, { key: keyOf('fast') }),
      reheaded(slow, { boot: 2 }),
      reheaded(slow, { shard: 1 }),
      reheaded(slow, { seed: `0x${'2'.repeat(64)}` }),
      reheaded(slow, { run: 2 }),
    ])
      expect(verdicts(change)).toEqual([CROWNED, lost, cheats]);
  });
  it('scores nothing without its baseline, and a cheat then neither', () => {
    const gone = verdicts((changed) => pathsOf('baseline').forEach((path) => changed.delete(path)));
    expect(gone).toEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/^INFRA_HOST/) as string),
    );
    const unfinished = verdicts((changed) => changed.delete(pathsOf('/1/baseline.2')[0]!));
    expect(unfinished[0]).toBe('INFRA_HOST: shard 0, boot 1: the baseline has no last run');
  });
  it('F05 loses the boot of a machine that died before the reference spoke, and nothing else', () => {
    const unforced = (changed: Map<string, Trace>, path: string): void => {
      const trace = changed.get(path)!;
      const requests = trace.requests.map((request) => ({ ...request, teacher: null }));
      changed.set(path, { ...trace, requests });
    };
    const lost = "INFRA_HOST: shard 0, boot 1: the baseline's trace is cut";
    // All had run; then the machine died, or it had no last run of the baseline yet.
    expect(verdicts((all) => [...all.keys()].forEach((path) => unforced(all, path)))).toEqual(
      Array.from({ length: 3 }, () => lost),
    );
    const halfway = verdicts((all) => {
      for (const path of pathsOf('fast')) all.delete(path);
      for (const path of [...pathsOf('baseline'), ...pathsOf('slow')])
        if (all.has(path)) unforced(all, path);
    });
    expect(halfway.every((verdict) => verdict.startsWith('INFRA_HOST'))).toBe(true);
  });
  it('is refused where its boot asks too little, or something else than the arena', () => {
    const edit = (change: (line: BootBody) => object) => () =>
      verdicts(
        () => undefined,
        plan,
        new Map(
          [...bodies].map(([path, lines]) => [
            path,
            new Map([...lines].map(([prompt, line]) => [prompt, { ...line, ...change(line) }])),
          ]),
        ),
      );
    const { messages } = bodies.get('prompts/0/1.ndjson.gz')!.get(0)!.body;
    expect(edit(({ body }) => ({ body: { ...body, temperature: 1 } }))).toThrow(
      "is not the arena's",
    );
    expect(edit(() => ({ warmup: true }))).toThrow("is not the arena's");
    expect(edit(() => ({ body: { messages } }))).toThrow("is not the arena's");
    const fewer = new Map([['prompts/0/1.ndjson.gz', new Map()]]);
    expect(() => verdicts(() => undefined, plan, fewer)).toThrow('other prompts than the arena');
  });
  it('is refused where its baseline was asked something else than its boot', () => {
    const other = (changed: Map<string, Trace>) => {
      for (const path of [...traces.keys()].filter((name) => name.includes('baseline'))) {
        const trace = changed.get(path)!;
        const requests = trace.requests.map((request) => ({
          ...request,
          bodySha256: '0'.repeat(64),
        }));
        changed.set(path, { ...trace, requests });
      }
    };
    expect(() => verdicts(other)).toThrow("prompt 0 is not its boot's");
  });
  it('names the prompts of every boot that asked any, by their hash', () => {
    const { promptSuites, shards } = judgeRound(drawn, { traces, bodies }, fixture.tokenizer);
    expect(promptSuites.map(({ shard, boot }) => [shard, boot])).toEqual([
      [0, 1],
      [0, 2],
    ]);
    const sources = { corpus: fixture.corpus, tokenizer: fixture.tokenizer };
    for (const { sha256, ...at } of promptSuites)
      expect(suiteHash(bootSuite(fixture.arena, sources, drawn.seed, at))).toBe(sha256);
    expect(shards).toEqual(drawn.shards);
  });
  it('does not count an arm that was asked something else than its boot', () => {
    const path = pathsOf(keyOf('slow'))[0]!;
    const { requests } = traces.get(path)!;
    const asked = requests.map((request) => ({ ...request, bodySha256: '0'.repeat(64) }));
    const found = verdicts((changed) =>
      changed.set(path, { ...traces.get(path)!, requests: asked }),
    );
    expect(found[1]).toMatch(/^INFRA_HOST.*no usable trace/);
  });
  it('is refused with another tokenizer than the plan names', () => {
    const other = { ...plan, predicate: { ...plan.predicate, tokenizerSha256: 'x' } };
    expect(() =>
      judgeRound({ ...drawn, plan: other }, { traces, bodies }, fixture.tokenizer),
    ).toThrow('tokenizer has sha256');
  });
  it('takes an image for gone for good in the third round that its registry has none, or an incumbent’s in the second', () => {
    const gone = (rounds: number, role: 'challenger' | 'winner' = 'challenger') => {
      const shut = { rounds, since: 100 };
      const submissions = plan.predicate.submissions.map((item) =>
        item.key === keyOf('slow') ? { ...item, role, ...(rounds > 0 ? { shut } : {}) } : item,
      );
      const block = { ...plan.predicate.block, number: 2000 };
      const late = { ...plan, predicate: { ...plan.predicate, block, submissions } };
      return verdicts((changed) => {
        for (const path of pathsOf(keyOf('slow'))) {
          const trace = changed.get(path)!;
          const event = { tNs: 0, name: 'image-gone', detail: '404' };
          changed.set(path, { ...trace, requests: [], events: [event] });
        }
      }, late)[1];
    };
    expect(gone(0)).toBe('INFRA_REGISTRY: the image is gone: 404');
    expect(gone(1)).toBe('INFRA_REGISTRY: the image is gone: 404');
    expect(gone(2)).toBe(
      'E_REF: its registry did not give the image in 3 rounds, first at block 100',
    );
    expect(gone(1, 'winner')).toMatch(/^E_REF: .* in 2 rounds/);
  });
  it('goes on to another boot with who is ahead; the score is that of boot 1', () => {
    const { entries, decisions, hosts, control } = judgeRound(
      drawn,
      { traces, bodies },
      fixture.tokenizer,
    );
    const boots = (name: 'fast' | 'slow') => {
      const { boots: list, score } = entries.find(({ key }) => key === keyOf(name))!;
      return { boots: list.map(({ boot }) => boot), score, first: list[0]!.report.score };
    };
    expect(boots('slow').boots).toEqual([1]);
    const fast = boots('fast');
    expect(fast.boots).toEqual([1, 2]);
    expect(fast.score).toBe(fast.first);
    expect(decisions.filter(({ takesOver }) => takesOver).map(({ key }) => key)).toEqual([
      keyOf('fast'),
    ]);
    const { against, boots: steps } = decisions.find(({ key }) => key === keyOf('fast'))!;
    expect(against).toBe('baseline');
    expect(steps.map(({ boot, stop, crown }) => [boot, stop, crown])).toEqual([
      [1, 0.3, null],
      [2, 1, 4.02],
    ]);
    expect(hosts).toBeUndefined();
    // The baseline in a challenger's slot is as fast as itself: the made-up machine has no noise.
    expect(control).toMatchObject({ d: 0, report: { verdict: 'VALID', score: 0 } });
  });
  it("names a fault of any boot, and an incumbent's first boot as its score", () => {
    const ledger = readLedger(fixture.validator, fixture.files);
    const [, second] = recordsOf(ledger, 'round');
    const winner = second!.predicate.entries.find(({ role }) => role === 'winner')!;
    expect(winner.key).toBe(keyOf('fast'));
    expect(winner.score).toBe(winner.boots[0]!.report.score);
    const left = second!.predicate.entries.map(({ key }) => key).sort();
    expect(left).toEqual([keyOf('fast'), keyOf('faster')].sort());
    const late = verdicts((changed) => {
      const path = pathsOf(keyOf('fast')).find((name) => name.includes('/2/'))!;
      changed.delete(path);
    });
    expect(late[0]).toMatch(/^INFRA_HOST: shard 0, boot 2: /);
  });
  it('keeps what each machine said of itself', () => {
    const changed = new Map(traces);
    reheaded('baseline', { host: { gpus: 8 }, clock: { streams: 1 } })(changed);
    const { hosts } = judgeRound(drawn, { traces: changed, bodies }, fixture.tokenizer);
    expect(hosts).toEqual({ 0: { gpus: 8, clock: { streams: 1 } } });
  });
  it('lists what was refused in the plan, and nothing of what waits', () => {
    const [first] = plan.predicate.submissions;
    const refused = { ...first!, ...because('payment-late', 'too late'), key: 'r:1', role: null };
    const submissions = [
      ...plan.predicate.submissions,
      { ...refused, status: 'rejected' as const, verdict: 'E_PAYMENT' as const },
      { ...refused, key: 'w:1', status: 'waiting' as const, verdict: null },
    ];
    const other = { ...plan, predicate: { ...plan.predicate, submissions } };
    const { entries } = judgeRound(
      { ...drawn, plan: other },
      { traces, bodies },
      fixture.tokenizer,
    );
    expect(entries.find(({ key }) => key === 'r:1')).toMatchObject({
      verdict: 'E_PAYMENT',
      reason: 'too late',
      score: 0,
      boots: [],
    });
    expect(entries.some(({ key }) => key === 'w:1')).toBe(false);
  });
  it('measures on only who said yes, and knows who challenges', () => {
    const { incumbents, challengers } = sidesOf(drawn, 0);
    expect(incumbents).toEqual([]);
    expect(challengers.sort()).toEqual([keyOf('fast'), keyOf('slow'), keyOf('cheat')].sort());
    const { tokenizer, arena } = fixture;
    const judging = { ...drawn, arena, tokenizer, traces, bodies };
    const next = nextBoot(judging, 0, 1);
    expect(next).toEqual({ holder: 'baseline', challengers: [keyOf('fast')] });
    expect(nextBoot(judging, 0, 2)).toBeNull();
  });
});
