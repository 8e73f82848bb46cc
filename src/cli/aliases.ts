// Other names of options: those that btcli uses, so that its users need not learn new ones.
import { COMMANDS } from './commands.ts';

/** What btcli calls the options of a wallet and of every command. */
const OPTION_ALIASES: Readonly<Record<string, string>> = {
  '-p': '--wallet-path',
  '--name': '--wallet-name',
  '-w': '--wallet-name',
  '-H': '--wallet-hotkey',
  '--hotkey': '--wallet-hotkey',
  '--hotkey-name': '--wallet-hotkey',
  '--wallet_path': '--wallet-path',
  '--wallet_name': '--wallet-name',
  '--wallet_hotkey': '--wallet-hotkey',
  '--wallet.path': '--wallet-path',
  '--wallet.name': '--wallet-name',
  '--wallet.hotkey': '--wallet-hotkey',
  '-y': '--yes',
  '--no_prompt': '--no-prompt',
  '--chain': '--endpoint',
  '--chain-endpoint': '--endpoint',
  '--chain_endpoint': '--endpoint',
  '--subtensor.chain_endpoint': '--endpoint',
  '--subtensor.network': '--network',
};

/** The command that a command line begins with; null where it is none. */
function commandOf(argv: readonly string[]): string | null {
  const two = argv.slice(0, 2).join(' ');
  if (two in COMMANDS) return two;
  return argv[0] !== undefined && argv[0] in COMMANDS ? argv[0] : null;
}

/**
 * A command line in our own names. An alias stands only for an option that the command has, and what
 * follows `--` is left alone.
 */
export function withAliases(argv: readonly string[]): string[] {
  const command = commandOf(argv);
  const options = command === null ? {} : COMMANDS[command]!.options;
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    if (end >= 0 && index > end) return word;
    if (word === '--json-output') return '--json';
    const [name = '', value] = /^--[^=]+=/.test(word)
      ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('='))]
      : [word];
    const own = Object.hasOwn(OPTION_ALIASES, name) ? OPTION_ALIASES[name]! : null;
    if (own === null || !(own.slice(2) in options) || name.slice(2) in options) return word;
    return own + (value ?? '');
  });
}
