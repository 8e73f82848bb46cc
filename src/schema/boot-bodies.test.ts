// What every server of a boot is asked, as evidence keeps it.
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../core/hash.ts';
import { tinyArena as arena } from '../testing/answer-fixture.ts';
import { bodiesOf, bodyText, parseBodies, renderBodies } from './boot-bodies.ts';
import type { Prompt } from './prompt.ts';

const prompts: Prompt[] = [
  { index: 0, pool: 'warmup', messages: [{ role: 'user', content: 'ä\n"' }], tokens: 3 },
  { index: 1, pool: 'scored', messages: [{ role: 'system', content: 's' }], tokens: 4 },
];
const text = renderBodies(bodiesOf(prompts, arena));

describe('the bodies of a boot', () => {
  it('are read as they were written, each with the hash of the bytes that are sent', () => {
    expect(parseBodies(text, 'it')).toEqual(bodiesOf(prompts, arena));
    expect([...parseBodies(text, 'it').values()].map(({ bodySha256 }) => bodySha256)).toEqual(
      prompts.map((prompt) => sha256Hex(bodyText(prompt, arena))),
    );
    expect(parseBodies(text, 'it').get(0)!.warmup).toBe(true);
  });
  it.each([
    ['a body that is not the one its hash names', text.replace('ä', 'b'), 'line 1: the body of'],
    ['a prompt that stands twice', text.split('\n')[0]!.concat('\n').repeat(2), 'line 2: prompt 0'],
    ['a line that is cut', text.slice(0, -9), 'line 2'],
    ['a field of another form', text.replace('"warmup":true', '"warmup":1'), 'line 1: warmup'],
    ['no line at all', '', 'line 1'],
  ])('are refused with %s', (_, changed, message) => {
    expect(() => parseBodies(changed, 'it')).toThrow(message);
  });
});
