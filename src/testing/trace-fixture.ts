// Traces of servers that were never measured: their answers and times are given.
import type { Tokenizer } from '../core/tokenizer.ts';
import type { Arena } from '../schema/arena.ts';
import type { Prompt } from '../schema/prompt.ts';
import { sha256Hex } from '../core/hash.ts';
import { bodyText } from '../schema/boot-bodies.ts';
import type { TraceLine } from '../schema/trace.ts';

const MS = 1e6;

/** How a made-up server answers. */
export type Pace = {
  /** From the request to the first token. */
  readonly ttftMs: number;
  /** Between two tokens. */
  readonly tokenMs: number;
  /** How far each token lies below the reference's best; 0 for an honest server. */
  readonly marginNats?: number;
  /** Sends JSON that is none. */
  readonly broken?: boolean;
};

/** Which run of which arm a trace is of. */
export type MadeArm = {
  readonly role: 'baseline' | 'challenger' | 'incumbent' | 'control';
  readonly key: string | null;
  readonly image: string;
  readonly seed: string;
  readonly boot: number;
  readonly run: number;
  readonly shard?: number;
  /** When its trace began, since the shard's measuring began. */
  readonly originNs?: number;
};

/** What every trace of a suite shares. */
export type TraceMaker = { readonly arena: Arena; readonly tokenizer: Tokenizer };

/** As many tokens as an answer has: ids and text of each. */
function answerTokens({ arena, tokenizer }: TraceMaker): { id: number; text: string }[] {
  const ids = tokenizer.encode('a small model says a few plain words and then some more of them');
  return ids.slice(0, arena.maxTokens).map((id) => ({
    id,
    text: Buffer.from(tokenizer.bytesOf(id)!).toString(),
  }));
}

type Choice = { readonly delta: { content: string }; readonly [more: string]: unknown };
const event = (choice: Choice): string => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;

/** One prompt's lines: request, a chunk for each token, end, and the reference's forcing. */
function promptLines(
  maker: TraceMaker,
  prompt: Prompt,
  { ttftMs, tokenMs, marginNats = 0, broken = false }: Pace,
  fromNs: number,
): { lines: TraceLine[]; untilNs: number } {
  const tokens = answerTokens(maker);
  const warmup = prompt.pool === 'warmup';
  const at = (i: number): number => Math.round(fromNs + (ttftMs + i * tokenMs) * MS);
  const logprobs = (text: string): object =>
    warmup
      ? {
          logprobs: {
            content: [
              { token: text, logprob: -0.1, top_logprobs: [{ token: text, logprob: -0.1 }] },
            ],
          },
        }
      : {};
  const last = tokens.length - 1;
  const chunks = tokens.map(({ id, text }, i): TraceLine => {
    const finish = i === last ? { finish_reason: 'length' } : {};
    const choice = { delta: { content: text }, token_ids: [id], ...logprobs(text), ...finish };
    const done = i === last ? 'data: [DONE]\n\n' : '';
    const sent = broken ? 'data: {broken\n\n' : event(choice);
    return { type: 'chunk', prompt: prompt.index, tNs: at(i), text: `${sent}${done}` };
  });
  const bodySha256 = sha256Hex(bodyText(prompt, maker.arena));
  const ids = tokens.map(({ id }) => id);
  const ends = tokens.map((_, i) =>
    Buffer.byteLength(
      tokens
        .slice(0, i + 1)
        .map(({ text }) => text)
        .join(''),
    ),
  );
  return {
    untilNs: at(last) + MS,
    lines: [
      { type: 'request', prompt: prompt.index, warmup, tNs: fromNs, bodySha256 },
      ...chunks,
      {
        type: 'end',
        prompt: prompt.index,
        tNs: at(last),
        status: 200,
        outcome: 'done',
        detail: '',
      },
      {
        type: 'teacher',
        prompt: prompt.index,
        tokenIds: ids,
        ends,
        top: ids.map(() => -0.1),
        own: ids.map(() => -0.1 - marginNats),
      },
    ],
  };
}

/** The lines of one arm's run over a suite. */
export function armLines(
  maker: TraceMaker,
  suite: readonly Prompt[],
  { seed, boot, shard = 0, originNs = 0, ...arm }: MadeArm,
  pace: Pace,
): TraceLine[] {
  const header: TraceLine = {
    ...{ type: 'header', schema: 1, shard, boot, seed, originNs, startedAt: '' },
    ...arm,
  };
  const lines: TraceLine[] = [
    header,
    { type: 'event', tNs: 0, name: 'start' },
    { type: 'event', tNs: MS / 2, name: 'healthy' },
  ];
  let fromNs = MS;
  for (const prompt of suite) {
    const asked = promptLines(maker, prompt, pace, fromNs);
    lines.push(...asked.lines);
    fromNs = asked.untilNs;
  }
  return lines;
}
