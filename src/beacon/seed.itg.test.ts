// Seeds and draws, redone by a program that shares no code with us, and as the rules print them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { toHex } from '../core/bytes.ts';
import { Prng } from '../core/prng.ts';
import { seedFrom, seedGiven } from './seed.ts';

const bytes = (value: number, length = 32): Uint8Array => new Uint8Array(length).fill(value);
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const counted = Uint8Array.from(range(32));
const parts = {
  genesisHash: bytes(0x11),
  netuid: 14,
  publicKey: bytes(0x22),
  planSha256: bytes(0x33),
  drawn: bytes(0x44, 48),
};

/** What the code draws, line by line as the script prints it. */
function drawn(): string[] {
  const first = toHex(new Prng(bytes(0), 'prompts').bytes(40));
  const dice = new Prng(counted, 'prompts');
  const last = new Prng(bytes(255), '');
  return [
    first,
    range(16)
      .map(() => dice.below(10))
      .join(' '),
    new Prng(counted, 'order').shuffle(range(10)).join(' '),
    last.sample(range(100), 5).join(' '),
    String(last.u32()),
    `0x${toHex(seedFrom(parts))}`,
    `0x${toHex(seedGiven(bytes(0), 1))}`,
  ];
}

describe('the vectors of the rules', () => {
  const rules = readFileSync(join(ROOT, '.github/RULES.md'), 'utf8');
  it.each(drawn())('hold for %s', (line) => {
    expect(rules).toContain(line);
  });
  it('are what a few lines of Python redo', () => {
    const text = execFileSync('python3', [join(ROOT, 'scripts/redraw.py')]).toString();
    expect(text.trim().split('\n')).toEqual(drawn());
  });
});

describe('a seed', () => {
  it('is another one for another chain, subnet, validator, plan or pulse', () => {
    const others = [
      { genesisHash: bytes(1) },
      { netuid: 13 },
      { netuid: 14 * 256 },
      { publicKey: bytes(1) },
      { planSha256: bytes(1) },
      { drawn: bytes(1, 48) },
      { drawn: bytes(0x44) },
    ].map((change) => toHex(seedFrom({ ...parts, ...change })));
    expect(new Set([...others, toHex(seedFrom(parts))]).size).toBe(others.length + 1);
    expect(toHex(seedGiven(bytes(0), 1))).not.toBe(toHex(seedGiven(bytes(0), 2)));
  });
});
