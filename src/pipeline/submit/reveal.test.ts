// What the chain shows of a sealed commitment, and when nobody waits for it any longer.
import { describe, expect, it } from 'vitest';
import { publishedAt, QUICKNET } from '../../beacon/pulses.ts';
import type { ChainCommitment } from '../../chain/chain.ts';
import { silentLog } from '../../core/log.ts';
import { utf8 } from '../../core/bytes.ts';
import { confirmReveal, pulseLost, revealSeen } from './reveal.ts';
import type { SubmitPorts, SubmitState } from './submit-steps.ts';

const content = utf8('{"image":"a"}');
const sealed = { content, block: 9, round: 1000 };
const standing = { block: 9, fields: [] } as unknown as ChainCommitment['standing'];
const chainShows = (over: Partial<ChainCommitment>): ChainCommitment =>
  ({ standing, revealed: [], lastBlock: 9, ...over }) as ChainCommitment;
const revealed = [{ bytes: content, block: 42 }] as unknown as ChainCommitment['revealed'];

describe('a sealed commitment', () => {
  it('is sealed while it stands, and shown once its very payload is revealed', () => {
    expect(revealSeen(chainShows({}), sealed)).toEqual({ state: 'sealed' });
    expect(revealSeen(chainShows({ revealed }), sealed)).toEqual({ state: 'shown', block: 42 });
    const other = { ...sealed, content: utf8('{"image":"b"}') };
    expect(revealSeen(chainShows({ revealed }), other)).toEqual({ state: 'sealed' });
  });
  it('is lost where it is gone or replaced', () => {
    expect(revealSeen(chainShows({ standing: null }), sealed)).toMatchObject({ state: 'lost' });
    expect(revealSeen(chainShows({ lastBlock: 10 }), sealed)).toMatchObject({
      state: 'lost',
      message: 'a later commitment of this hotkey replaced this one before its reveal',
    });
  });
  it('is lost half an hour after a pulse that never came', () => {
    const at = publishedAt(QUICKNET, sealed.round) + 1800;
    const state = (nowSeconds: number) => ({ nowSeconds, beacon: QUICKNET });
    expect(pulseLost('finney', state(at), sealed)).toBeNull();
    expect(pulseLost('finney', state(at + 1), sealed)).toMatchObject({ state: 'lost' });
  });
});

describe('waiting for a reveal', () => {
  const entry = (): SubmitState =>
    ({ payment: null, commitment: { block: 9, round: 1000 } }) as SubmitState;
  /** Ports whose chain answers with these views, one a poll, at this time. */
  const portsOf = (views: ChainCommitment[], nowSeconds = 0) => {
    const slept: number[] = [];
    const written: SubmitState[] = [];
    /** After how many polls the chain's clock was asked for. */
    const asked: number[] = [];
    const ports = {
      chain: {
        commitment: () => Promise.resolve(views.length > 1 ? views.shift() : views[0]),
        subnet: () => {
          asked.push(slept.length);
          return Promise.resolve({ nowSeconds, beacon: QUICKNET });
        },
      },
      hotkey: { address: 'hotkey' },
      journal: { write: (state: SubmitState) => void written.push(state) },
      clock: { sleep: (ms: number) => Promise.resolve(void slept.push(ms)) },
      log: silentLog,
    } as unknown as SubmitPorts;
    return { ports, slept, written, asked };
  };
  const arena = { netuid: 2, network: 'finney' } as const;

  it('polls until it is shown', async () => {
    const { ports, slept, written } = portsOf([
      chainShows({}),
      chainShows({}),
      chainShows({ revealed }),
    ]);
    expect(await confirmReveal(ports, arena, entry(), content)).toBe(42);
    expect(slept).toEqual([6000, 6000]);
    expect(written).toEqual([]);
  });
  it('keeps the payment and forgets the commitment where it is lost', async () => {
    for (const { ports, written, slept } of [
      portsOf([chainShows({ standing: null })]),
      portsOf([chainShows({})], 2e9),
    ]) {
      const state = entry();
      await expect(confirmReveal(ports, arena, state, content)).rejects.toThrow();
      expect(state.commitment).toBeNull();
      expect(written).toEqual([state]);
      expect(slept).toEqual([]);
    }
  });
  it("looks at the chain's clock at the first poll and at every tenth after it", async () => {
    const views = Array.from({ length: 11 }, () => chainShows({}));
    const { ports, asked } = portsOf([...views, chainShows({ revealed })]);
    expect(await confirmReveal(ports, arena, entry(), content)).toBe(42);
    expect(asked).toEqual([0, 10]);
  });
});
