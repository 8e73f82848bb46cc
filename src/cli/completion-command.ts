// Command that prints a shell's completion of all commands and options.
import { UsageError } from '../compose/errors.ts';
import type { Command, RunCommand } from './command.ts';

type Commands = Readonly<Record<string, Command>>;

/** The words that may follow other words, by those words joined with a blank. */
function followers(commands: Commands): Map<string, string[]> {
  const words = new Map<string, string[]>();
  const add = (before: string, word: string): void => {
    const known = words.get(before) ?? [];
    if (!known.includes(word)) words.set(before, [...known, word]);
  };
  for (const [name, { options }] of Object.entries(commands)) {
    const [first, second] = name.split(' ') as [string, string | undefined];
    add('', first);
    if (second !== undefined) add(first, second);
    for (const option of [...Object.keys(options), 'arena', 'json', 'quiet', 'verbose', 'help'])
      add(name, `--${option}`);
  }
  return words;
}

const cases = (commands: Commands, line: (before: string, words: string) => string): string =>
  [...followers(commands)].map(([before, words]) => line(before, words.join(' '))).join('\n');

const SHELLS: Readonly<Record<string, (commands: Commands) => string>> = {
  bash: (commands) => `_cacheon() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="" part
  for part in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $part == -* ]] || before="\${before:+$before }$part"; done
  case "$before" in
${cases(commands, (before, words) => `    '${before}'${before === '' ? '' : `|'${before} '*`}) COMPREPLY=($(compgen -W '${words}' -- "$word")) ;;`)}
  esac
  [[ \${#COMPREPLY[@]} -gt 0 || $word == -* ]] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -F _cacheon cacheon
`,
  zsh: (commands) => `#compdef cacheon
autoload -U +X bashcompinit && bashcompinit
${SHELLS['bash']!(commands)}`,
  fish: (commands) => `complete -c cacheon -f
${Object.entries(commands)
  .flatMap(([name, { about, options }]) => {
    const [first, second] = name.split(' ') as [string, string | undefined];
    const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
    const word = second ?? first;
    const when =
      second === undefined ? '__fish_use_subcommand' : `"__fish_seen_subcommand_from ${first}"`;
    return [
      ...(second === undefined ? [] : [`complete -c cacheon -n __fish_use_subcommand -a ${first}`]),
      `complete -c cacheon -n ${when} -a ${word} -d ${quoted(about)}`,
      ...Object.entries(options).map(
        ([option, [value, what]]) =>
          `complete -c cacheon -n "__fish_seen_subcommand_from ${word}" -l ${option} -d ${quoted(what)}${value === null ? '' : ' -r -F'}`,
      ),
    ];
  })
  .join('\n')}
`,
};

/** `cacheon completion bash|zsh|fish`: a script for the shell to read. */
export const completionOf =
  (commands: Commands): RunCommand =>
  ({ positionals, write }) => {
    const script = SHELLS[positionals[0] ?? ''];
    if (!script || positionals.length > 1)
      throw new UsageError(
        `completion wants one of ${Object.keys(SHELLS).join(', ')}`,
        'source <(scripts/cacheon completion bash)',
      );
    write(script(commands));
    return Promise.resolve(0);
  };
