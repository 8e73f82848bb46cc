// Rendering of chat messages as a ChatML prompt.
import type { Message } from '../schema/prompt.ts';

/**
 * ChatML, as Qwen2's template writes it: a default system message where none is given, and the
 * assistant's header at the end.
 */
export function renderChat(messages: readonly Message[], defaultSystem: string): string {
  const all =
    messages[0]?.role === 'system'
      ? messages
      : [{ role: 'system', content: defaultSystem }, ...messages];
  return `${all.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`;
}

/** Chat templates by the name that an arena gives (RULES "Chat template"). */
export const CHAT_TEMPLATES = { chatml: renderChat } as const;
