// Command that measures a machine's share of a signed plan and leaves the traces in a folder.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { measureShard } from '../compose/measuring-shard.ts';
import { ROOT } from '../compose/repository.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import type { RunCommand } from './command.ts';
import { readDraw } from '../compose/draw-file.ts';
import { optional, required, wholeNumber } from './options.ts';
import { workplace } from './workplace.ts';

/**
 * `cacheon evaluate`: measures one shard of a signed plan by the seed that `cacheon draw` left in
 * the folder, or repeats a round on record; leaves its traces there. Holds no key.
 */
export const evaluateCommand: RunCommand = async (invocation) => {
  const { store, arena } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  if (block === undefined) throw new UsageError('--round is missing', 'the block of a signed plan');
  const out = resolve(required(invocation, 'out'));
  await measureShard({
    root: ROOT,
    store,
    arena,
    validator: required(invocation, 'validator'),
    block,
    shard: wholeNumber(invocation, 'shard', 0, 255) ?? 0,
    corpus: optional(invocation, 'corpus'),
    engineCommand: optional(invocation, 'engine-command'),
    draw: readDraw(out),
    keep: (path, content) => writeEvidence(out, path, content),
    log: invocation.log,
  });
  return 0;
};
