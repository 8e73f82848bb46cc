// Command that prints the prompts that follow from a seed.
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { promptLine } from '../prompts/sampler.ts';
import { bootSuite, scoredIn } from '../prompts/suites.ts';
import type { RunCommand } from './command.ts';
import { optional, seedOf, wholeNumber } from './options.ts';

/**
 * `cacheon prompts`: NDJSON on stdout, byte-identical on every machine. `--count` is the number of
 * lines, warm-ups first.
 */
export const promptsCommand: RunCommand = (invocation) => {
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const count = wholeNumber(invocation, 'count', 1, 10_000);
  const boot = wholeNumber(invocation, 'boot', 1, 100) ?? 1;
  const shard = wholeNumber(invocation, 'shard', 0, 255) ?? 0;
  const seed = seedOf(invocation);
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), invocation.log);
  const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
  const warmups = Math.min(arena.warmupPrompts, count ?? arena.warmupPrompts);
  const scored = count === undefined ? scoredIn(arena, boot) : count - warmups;
  const suite = bootSuite(
    { ...arena, warmupPrompts: warmups, scoredPrompts: scored, laterPrompts: scored },
    { corpus, tokenizer },
    seed,
    { shard, boot },
  );
  for (const prompt of suite) process.stdout.write(`${promptLine(prompt)}\n`);
  return Promise.resolve(0);
};
