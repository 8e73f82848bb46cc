import { monotonicClock } from '../harness/io/clock.ts';
import { openClient } from '../harness/io/client.ts';
import { processRuntime } from '../harness/io/process-runtime.ts';
import { openReference } from '../harness/io/reference.ts';
import type { EngineRuntime } from '../harness/engine.ts';
import { HarnessError } from '../harness/errors.ts';
import type { Arena } from '../arena/schema.ts';
import type { Log } from '../core/log.ts';
import { variantOfDigest } from '../devnet/images.ts';
import type { EvaluatePorts } from '../pipeline/evaluate.ts';
import { openCorpus } from '../prompts/io/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer.ts';

/** The process runtime of the tiny engines, or a runtime that says that containers are not there yet. */
export function engineRuntime(engineCommand: string | undefined): EngineRuntime {
  if (engineCommand === undefined) {
    return {
      start: (target) =>
        Promise.reject(
          new HarnessError(
            'NO_SUCH_IMAGE',
            'infra',
            `no runtime for ${target.kind === 'image' ? target.image : target.url}: containers are not supported yet`,
            'on a development chain, name scripts/cacheon as the engine command',
          ),
        ),
    };
  }
  return processRuntime((digest) => {
    const variant = variantOfDigest(digest);
    return variant === null ? null : { command: engineCommand, args: ['devnet', 'engine', '--variant', variant] };
  });
}

/** Everything that measuring needs, wired to this machine. */
export function evaluatePorts(
  arena: Arena,
  root: string,
  corpusFolder: string | undefined,
  engineCommand: string | undefined,
  log: Log,
  keep: EvaluatePorts['keep'],
): EvaluatePorts {
  return {
    clock: monotonicClock,
    runtime: engineRuntime(engineCommand),
    openClient: (url) => openClient(url, arena, monotonicClock),
    openReference: (url) => openReference(url, arena.model.name),
    tokenizer: loadTokenizer(arena.tokenizer, root),
    corpus: openCorpus(arena.corpus, corpusFolder, log),
    log,
    keep,
    now: () => new Date().toISOString(),
  };
}
