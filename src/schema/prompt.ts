// One prompt of a suite, as `cacheon prompts` prints it and evaluations keep it.
/** One chat message. */
export type Message = { readonly role: 'system' | 'user' | 'assistant'; readonly content: string };

/** One prompt of a boot. `tokens` counts the whole rendered prompt. */
export type Prompt = {
  readonly index: number;
  readonly pool: 'warmup' | 'scored';
  readonly messages: readonly Message[];
  readonly tokens: number;
};
