// Lines and bars on stderr: what a terminal gets, and what a pipe.
import { describe, expect, it } from 'vitest';
import { pacedLines } from '../core/log.ts';
import { barText, type Loudness, stderrLog } from './stderr-log.ts';

const written = (
  loudness: Loudness,
  isTTY: boolean,
): { text: () => string; log: ReturnType<typeof stderrLog> } => {
  let text = '';
  const screen = { isTTY, columns: 80, write: (part: string) => ((text += part), true) };
  return { text: () => text, log: stderrLog(loudness, screen) };
};

describe('the log on stderr', () => {
  it('fits lines to a terminal, and leaves them whole in a pipe', () => {
    const line = `${'word '.repeat(30)}end`;
    const terminal = written('usual', true);
    terminal.log.info(line);
    for (const row of terminal.text().split('\n')) expect(row.length).toBeLessThanOrEqual(80);
    const pipe = written('usual', false);
    pipe.log.info(line);
    expect(pipe.text()).toBe(`${line}\n`);
  });
  it('draws a bar on a terminal, and takes it away at its end and before a line', () => {
    const { text, log } = written('usual', true);
    log.progress({ what: 'prompts', done: 1, total: 2 });
    log.info('a line');
    log.progress({ what: 'prompts', done: 2, total: 2 });
    expect(text()).toContain('1/2 prompts');
    expect(text()).toContain('\u001b[2Ka line\n');
    expect(text().endsWith('\u001b[2K')).toBe(true);
  });
  it('draws none into a file, and is heard less or more', () => {
    const piped = written('usual', false);
    piped.log.progress({ what: 'prompts', done: 1, total: 2 });
    expect(piped.text()).toBe('');
    const quiet = written('quiet', true);
    quiet.log.info('no');
    quiet.log.progress({ what: 'prompts', done: 1, total: 2 });
    quiet.log.warn('yes');
    expect(quiet.text()).toMatch(/^[^\n]*yes\n$/);
    const verbose = written('verbose', false);
    verbose.log.info('when');
    expect(verbose.text()).toMatch(/^ +\d+\.\d s {2}when\n$/);
  });
  it('tells rate and time left once they are known, within the width', () => {
    expect(barText({ what: 'answers', done: 5, total: 20 }, 10_000, 80)).toMatch(
      /^ {2}█{5}░{15} 5\/20 answers, 0\.50\/s, 30 s left$/,
    );
    expect(barText({ what: 'answers', done: 0, total: 20 }, 0, 80)).not.toContain('left');
    expect(barText({ what: 'x'.repeat(99), done: 5, total: 20 }, 10_000, 40)).toHaveLength(39);
    expect(barText({ what: 'hours', done: 1, total: 10_000 }, 10_000, 80)).toMatch(/ h left$/);
  });
  it('tells a pipe how far it is every half a minute, and nothing of what is soon over', () => {
    const said: string[] = [];
    let nowMs = 0;
    const progress = pacedLines(
      (text) => said.push(text),
      () => nowMs,
    );
    for (; nowMs <= 70_000; nowMs += 5_000) progress({ what: 'MB', done: nowMs / 1000, total: 90 });
    progress({ what: 'runs', done: 1, total: 2 });
    expect(said).toEqual(['  30/90 MB', '  60/90 MB']);
  });
});
