// Wires what a scan needs: chain, tokenizer and corpus of an arena.
import type { ChainReader } from '../chain/chain.ts';
import type { Log } from '../core/log.ts';
import type { ScanPorts } from '../pipeline/scan.ts';
import { readCalibration } from './calibrations.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { Arena } from '../schema/arena.ts';

/** Where a scan's files are: `folder` is that of the arena file, `corpus` that of its corpus. */
type ScanSources = {
  readonly arena: Arena;
  /** Of the arena file's bytes. */
  readonly arenaSha256: string;
  readonly root: string;
  readonly folder: string;
  readonly corpus: string | undefined;
};

/** Everything that a scan of this arena needs; `corpus` is the folder of its corpus, if any. */
export function scanPorts(
  chain: ChainReader,
  { arena, arenaSha256, root, corpus, folder }: ScanSources,
  log: Log,
): ScanPorts {
  return {
    chain,
    arenaSha256,
    tokenizer: loadTokenizer(arena.tokenizer, root),
    corpus: openCorpus(arena.corpus, corpus, log),
    calibrationOf: (tier) => readCalibration(arena, folder, tier),
    log,
  };
}
