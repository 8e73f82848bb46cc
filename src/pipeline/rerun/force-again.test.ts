// Forcing recorded answers again: the same values agree, made-up ones show, each answer is asked once.
import { describe, expect, it } from 'vitest';
import type { RoundEvidence } from '../../judge/drawn-plan.ts';
import type { Reference } from '../../measure/reference.ts';
import { promptsPath } from '../../schema/paths.ts';
import { forceAgain } from './force-again.ts';

const teacher = (own: number) => ({
  ...{ tokenIds: [5, 6], ends: [1, 2], top: [-1, -1], second: [-2, -2], own: [-1, own] },
});
const evidence = (...own: number[]): RoundEvidence =>
  ({
    traces: new Map(
      own.map((value, i) => [
        `traces/0/1/${i}`,
        { header: { shard: 0, boot: 1 }, requests: [{ prompt: 2, teacher: teacher(value) }] },
      ]),
    ),
    bodies: new Map([[promptsPath(0, 1), new Map([[2, { body: { messages: [] } }]])]]),
  }) as unknown as RoundEvidence;
let asked = 0;
const reference = (own: number | null): Reference => ({
  promptIds: () => Promise.resolve([1]),
  force: () => {
    asked++;
    return Promise.resolve({ top: [-1, -1], second: [-2, -2], own: [-1, own] });
  },
});
const again = (recorded: readonly number[], now: number | null) =>
  forceAgain(evidence(...recorded), reference(now), () => undefined);

describe('forcing again', () => {
  it('agrees where the values are the same, and asks for equal answers once', async () => {
    asked = 0;
    expect(await again([-1, -1, -1], -1)).toMatchObject({ answers: 3, tokens: 6, largestNats: 0 });
    expect(asked).toBe(1);
  });
  it('shows a margin that was made up, and judges by the values of now', async () => {
    const { largestNats, traces } = await again([-1], -1.75);
    expect(largestNats).toBe(0.75);
    expect([...traces.values()][0]!.requests[0]!.teacher!.own).toEqual([-1, -1.75]);
  });
  it('has no number where one of the two has no value', async () => {
    expect((await again([-1], null)).largestNats).toBeNull();
  });
  it('stops where the reference gives nothing at all', async () => {
    const mute = { ...reference(-1), force: () => Promise.resolve(null) };
    await expect(forceAgain(evidence(-1), mute, () => undefined)).rejects.toMatchObject({
      code: 'REFERENCE_FAILED',
    });
  });
});
