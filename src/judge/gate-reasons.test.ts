// What a refused run is told: each reason with what was measured and its limit.
import { describe, expect, it } from 'vitest';
import { encodeSs58 } from '../core/ss58.ts';
import { sha256 } from '../core/hash.ts';
import { testArena } from '../testing/test-arena.ts';
import { gateReasons } from './gate-reasons.ts';
import type { GateReason, GateResult } from './margin-gate.ts';

const arena = testArena(encodeSs58(sha256('treasury')));
const rules = {
  ...arena,
  honestP999Nats: 0.001,
  gate: {
    ...arena.gate,
    meanFactor: 2.5,
    firstTokenStrikes: 1,
    bigMargins: 3,
    bigMarginNats: 2,
  },
};
const refused = (...reasons: GateReason[]): GateResult => ({
  kind: 'margin',
  pass: reasons.length === 0,
  reasons,
  tokens: 100,
  meanMarginNats: 0.02,
  clippedNats: 2,
  firstTokenStrikes: 2,
  bigMargins: 4,
  nearTies: { excess: 9, variance: 1, skew: 0 },
});
const told = (gate: GateResult) => gateReasons({ gate, rules });

describe('the reasons of the gate', () => {
  it('say that all passed', () => {
    expect(told(refused())).toEqual({
      reason: 'all answers pass the gate',
      reasons: [{ code: 'gate-passed', detail: 'all answers pass the gate' }],
    });
  });
  it('say of near-ties what was seen and what honest noise explains', () => {
    expect(told(refused('near-ties')).reasons).toEqual([
      {
        code: 'near-ties',
        detail:
          'close tokens are swapped more often than the noise of honest servers explains: evidence 9.00, limit 3.70',
        value: 9,
        limit: 3.7,
      },
    ]);
  });
  it('name value and limit of what was measured', () => {
    const { reason, reasons } = told(refused('mean-margin', 'first-token', 'big-margin'));
    expect(reason).toBe(
      "mean margin 0.0200 nat, limit 0.00250; 2 first tokens are not the model's, 1 may be off; 4 tokens are more than 2 nat below the model's best, 3 are too many",
    );
    expect(reasons).toEqual([
      {
        code: 'mean-margin',
        detail: 'mean margin 0.0200 nat, limit 0.00250',
        value: 0.02,
        limit: 0.0025,
      },
      expect.objectContaining({ code: 'first-token', value: 2, limit: 1 }),
      expect.objectContaining({ code: 'big-margin', value: 4, limit: 3 }),
    ]);
  });
  it('have a sentence and no number where nothing was measured', () => {
    const { reasons } = told(refused('eos', 'length', 'bytes', 'first-divergence'));
    for (const why of reasons) expect(Object.keys(why)).toEqual(['code', 'detail']);
    expect(told({ ...refused('mean-margin'), meanMarginNats: null }).reasons).toEqual([
      { code: 'mean-margin', detail: 'no answer has a token' },
    ]);
  });
});
