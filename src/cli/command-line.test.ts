// Tests of the command line's words: help, suggestions, exit codes; no command is run.
import { describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { runTree } from './command-line.ts';
import { COMMANDS } from './commands.ts';

async function tree(...argv: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  const code = await runTree(argv, { log: silentLog, json: false, version: '1.2 (tree x)', write });
  return { code, text };
}

describe('the command line', () => {
  it.each(Object.entries(COMMANDS))('explains every option of %s', async (name, command) => {
    const { code, text } = await tree(...name.split(' '), '--help');
    expect(code).toBe(0);
    // The help wraps at 80 columns: words are compared, not lines.
    const words = text.replace(/\s+/g, ' ');
    expect(words).toContain(command.about);
    for (const [option, [value, about]] of Object.entries(command.options)) {
      expect(words).toContain(value === null ? `--${option} ` : `--${option} <${value}> `);
      expect(words).toContain(about);
    }
    expect(command.examples?.length ?? 0).toBeGreaterThan(0);
    for (const example of command.examples ?? []) expect(text).toContain(example);
    for (const variable of Object.keys(command.environment ?? {})) expect(text).toContain(variable);
  });
  it('lists every command, alone as wrong usage and when asked as help', async () => {
    for (const [argv, code] of [
      [[], 2],
      [['--help'], 0],
      [['-h'], 0],
      [['help'], 0],
    ] as const) {
      const shown = await tree(...argv);
      expect(shown.code).toBe(code);
      for (const name of Object.keys(COMMANDS))
        expect(shown.text).toMatch(new RegExp(`^  ${name.split(' ')[0]!} `, 'm'));
    }
  });
  it('lists the words of a group that stands alone, as wrong usage', async () => {
    const { code, text } = await tree('timelock');
    expect(code).toBe(2);
    expect(text).toMatch(/^ {2}seal /m);
    expect(text).toMatch(/^ {2}open /m);
  });
  it('tells its version', async () => {
    expect(await tree('--version')).toEqual({ code: 0, text: '1.2 (tree x)\n' });
  });
  it.each([
    [['adit'], "unknown command 'adit'", 'Did you mean audit?'],
    [['frobnicate'], "unknown command 'frobnicate'", 'cacheon --help lists the commands'],
    [
      ['prompts', '--blok-hash', '0x'],
      "unknown option '--blok-hash'",
      'Did you mean --block-hash?',
    ],
    [['wallet', 'shw'], "unknown command 'shw'", 'Did you mean show?'],
    [['judge'], "missing required argument 'DIR'", 'cacheon judge --help shows the options'],
    [['judge', 'a', 'b'], 'too many arguments', 'cacheon judge --help shows the options'],
    [['prompts', '--count'], 'argument missing', 'cacheon prompts --help shows the options'],
  ])('refuses %j and says what may have been meant', async (argv, message, hint) => {
    await expect(tree(...argv)).rejects.toMatchObject({
      code: 'USAGE',
      outcome: 'usage',
      message: expect.stringContaining(message) as string,
      hint,
    });
  });
});
