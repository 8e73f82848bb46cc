// The bodies of the requests of one boot, as evidence keeps them: once for all servers.
import { z } from 'zod';
import { sha256Hex } from '../core/hash.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, SERVER_JSON } from '../core/strict-json.ts';
import type { MeasuringRules } from './arena.ts';
import { DocumentError } from './errors.ts';
import type { Message, Prompt } from './prompt.ts';
import { requestBody } from './request.ts';

const lineSchema = z.strictObject({
  prompt: z.number().int().nonnegative(),
  warmup: z.boolean(),
  bodySha256: z.string().regex(/^[0-9a-f]{64}$/),
  body: z.looseObject({
    messages: z.array(
      z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
    ),
  }),
});

/** One request's body. `bodySha256` is that of the bytes that were sent. */
export type BootBody = {
  readonly prompt: number;
  readonly warmup: boolean;
  readonly bodySha256: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly messages: readonly Message[] };
};
/** A boot's bodies by prompt. */
export type BootBodies = ReadonlyMap<number, BootBody>;

/** The bytes of a request's body as they are sent. */
export function bodyText(prompt: Prompt, arena: MeasuringRules): string {
  return JSON.stringify(requestBody(prompt, arena));
}

/** What every server of a boot is asked, by prompt. */
export function bodiesOf(prompts: readonly Prompt[], arena: MeasuringRules): BootBodies {
  return new Map(
    prompts.map((prompt) => {
      const { index, pool, messages } = prompt;
      const bodySha256 = sha256Hex(bodyText(prompt, arena));
      const body = { ...requestBody(prompt, arena), messages };
      return [index, { prompt: index, warmup: pool === 'warmup', bodySha256, body }];
    }),
  );
}

/** The NDJSON of a boot's bodies (RULES "Prompts of a boot"). */
export function renderBodies(bodies: BootBodies): string {
  return [...bodies.values()].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/**
 * Reads a boot's bodies. Throws `BAD_TRACE` with the line number, also where a body is not the one
 * that its hash names, or a prompt stands twice.
 */
export function parseBodies(text: string, name: string): BootBodies {
  const bodies = new Map<number, BootBody>();
  for (const [index, raw] of text.replace(/\n$/, '').split('\n').entries()) {
    const line = readLine(raw, `${name} line ${index + 1}`);
    if (bodies.has(line.prompt))
      throw bad(`${name} line ${index + 1}`, `prompt ${line.prompt} stands twice`);
    bodies.set(line.prompt, line);
  }
  return bodies;
}

const bad = (place: string, what: string): DocumentError =>
  new DocumentError(
    'BAD_TRACE',
    'usage',
    `${place}: ${what}`,
    'the file is cut or edited: fetch it again, or measure again',
  );

function readLine(raw: string, place: string): BootBody {
  let value: unknown;
  try {
    value = parseStrictJson(raw, SERVER_JSON);
  } catch (error) {
    throw bad(place, messageOf(error)).causedBy(error);
  }
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw bad(place, `${path.join('.')}: ${message}`);
  }
  // The fields stand as they were sent: a schema would put them in its own order.
  const { body } = value as { body: BootBody['body'] };
  if (sha256Hex(JSON.stringify(body)) !== parsed.data.bodySha256)
    throw bad(place, `the body of prompt ${parsed.data.prompt} is not ${parsed.data.bodySha256}`);
  return { ...parsed.data, body };
}
