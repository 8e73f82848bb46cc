// Tests of the template that escapes: no text from a miner becomes markup.
import { describe, expect, it } from 'vitest';
import { html } from './html.ts';

const HOSTILE = `"><script>alert('x')</script>&`;

describe('the HTML template', () => {
  it('escapes every value, in text and in attributes', () => {
    expect(String(html`<a title="${HOSTILE}">${HOSTILE}</a>`)).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;</a>',
    );
  });
  it('keeps other HTML as it is, alone and in lists, and escapes it once', () => {
    const items = ['<', 1].map((item) => html`<li>${item}</li>`);
    expect(String(html`<ul>${items}</ul>`)).toBe('<ul><li>&lt;</li><li>1</li></ul>');
    expect(String(html`<div>${html`<p>${'&'}</p>`}</div>`)).toBe('<div><p>&amp;</p></div>');
  });
});
