// HTML as a template that escapes: names and reasons come from miners.

/** A piece of HTML that is right as it stands. Only {@link html} makes one. */
class Html {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}
export type { Html };
type Part = string | number | Html | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const render = (part: Part): string => {
  if (part instanceof Html) return part.toString();
  if (typeof part === 'object') return part.map(String).join('');
  return String(part).replace(/[&<>"']/g, (char) => ESCAPES[char]!);
};

/** Puts HTML together. Every value is escaped, in text and in quoted attributes, but other HTML. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const rest = parts.map((part, i) => render(part) + texts[i + 1]!);
  return new Html(texts[0]! + rest.join(''));
}
