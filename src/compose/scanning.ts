// Wires what a scan needs: chain, tokenizer and corpus of an arena.
import type { ChainReader } from '../chain/chain.ts';
import type { Log } from '../core/log.ts';
import type { ScanPorts } from '../pipeline/scan.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { Arena } from '../schema/arena.ts';

/** Everything that a scan of this arena needs; `corpus` is the folder of its corpus, if any. */
export function scanPorts(
  chain: ChainReader,
  { arena, root, corpus }: { arena: Arena; root: string; corpus: string | undefined },
  log: Log,
): ScanPorts {
  return {
    chain,
    tokenizer: loadTokenizer(arena.tokenizer, root),
    corpus: openCorpus(arena.corpus, corpus, log),
    log,
  };
}
