// Schemas of the tiny engine's HTTP requests, and error answers in vLLM's shape.
import { z } from 'zod';

/** An answer other than 200, in vLLM's shape. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  constructor(status: number, type: string, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
  }
  body(): string {
    return JSON.stringify({
      error: { message: this.message, type: this.type, param: this.param, code: this.status },
    });
  }
}

const messages = z
  .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
  .min(1);
const ids = z.array(z.number().int().min(0));

/** Chat request; like vLLM, unknown fields are ignored. */
export const chatSchema = z.object({
  model: z.string().optional(),
  messages,
  max_tokens: z.number().int().min(1).optional(),
  max_completion_tokens: z.number().int().min(1).optional(),
  temperature: z.number().min(0).optional(),
  stream: z.boolean().optional(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  return_token_ids: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
});
export const completionSchema = z.object({
  model: z.string().optional(),
  prompt: z.union([z.string(), ids]),
  max_tokens: z.number().int().min(1).default(16),
  temperature: z.number().min(0).optional(),
  prompt_logprobs: z.number().int().min(0).max(20).nullish(),
  stream: z.literal(false).optional(),
});
export const tokenizeSchema = z.union([
  z.object({ prompt: z.string() }),
  z.object({ messages, add_generation_prompt: z.boolean().default(true) }),
]);
export const detokenizeSchema = z.object({ tokens: ids });

/** Parses a request body, or throws a 400 that names the field. */
export function parseBody<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'Bad Request', 'the body is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ApiError(
    400,
    'BadRequestError',
    `${issue.path.join('.')}: ${issue.message}`,
    issue.path.join('.') || null,
  );
}
