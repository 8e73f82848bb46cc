// Names that btcli's users type.
import { describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { withAliases } from './aliases.ts';
import { runTree } from './command-line.ts';
import { COMMANDS } from './commands.ts';

describe('the names of btcli', () => {
  it.each([
    [
      'submit -p /w --name me -H hot -y',
      'submit --wallet-path /w --wallet-name me --wallet-hotkey hot --yes',
    ],
    ['submit --name=me --json-output', 'submit --wallet-name=me --json'],
    ['wallet show --wallet.name me', 'wallet show --wallet-name me'],
    ['check x --name me', 'check x --name me'],
    ['submit -- --name', 'submit -- --name'],
  ])('%s', (typed, meant) => {
    expect(withAliases(typed.split(' ')).join(' ')).toBe(meant);
  });
});

describe('the completion', () => {
  it.each(['bash', 'zsh', 'fish'])('of %s knows every command and option', async (shell) => {
    let text = '';
    const write = (part: string): void => void (text += part);
    const code = await runTree(['completion', shell], {
      log: silentLog,
      json: false,
      version: '',
      write,
    });
    expect(code).toBe(0);
    for (const [name, { options }] of Object.entries(COMMANDS))
      for (const word of [...name.split(' '), ...Object.keys(options)])
        expect(text).toContain(word);
  });
  it('names the shells that it knows', async () => {
    const options = { log: silentLog, json: false, version: '', write: () => undefined };
    await expect(runTree(['completion', 'tcsh'], options)).rejects.toThrow('bash, zsh, fish');
  });
});
