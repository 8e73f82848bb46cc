// Command that measures a machine's share of a signed plan and leaves the traces in a folder.
import { resolve } from 'node:path';
import { knownBefore } from '../arena/known-images.ts';
import { UsageError } from '../compose/errors.ts';
import { type Engines, measuringPorts } from '../compose/measuring-host.ts';
import { ROOT } from '../compose/repository.ts';
import { unpackText, writeEvidence } from '../ledger/io/evidence-files.ts';
import { openLedger } from '../ledger/open.ts';
import { signedPlan } from '../ledger/signed-plan.ts';
import { evaluate } from '../pipeline/evaluate/evaluate.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { parseArena } from '../schema/arena.ts';
import type { RunCommand } from './command.ts';
import { optional, required, wholeNumber } from './options.ts';
import { workplace } from './workplace.ts';

/**
 * `cacheon evaluate`: measures one shard of a signed plan and leaves its traces in a folder. Holds
 * no key.
 */
export const evaluateCommand: RunCommand = async (invocation) => {
  const { store } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  if (block === undefined) throw new UsageError('--round is missing', 'the block of a signed plan');
  const plan = await signedPlan(store, required(invocation, 'validator'), block);
  const out = resolve(required(invocation, 'out'));
  const arena = parseArena(plan.predicate.arena, 'the plan');
  const { log } = invocation;
  const command = optional(invocation, 'engine-command');
  const engines: Engines =
    command === undefined ? { kind: 'containers' } : { kind: 'processes', command };
  const ports = await measuringPorts(arena, ROOT, engines, log, (path, content) =>
    writeEvidence(out, path, content),
  );
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), log);
  const files = await store.read(plan.predicate.validator);
  const known = knownBefore(plan, openLedger(plan.predicate.validator, files), files, unpackText);
  try {
    await evaluate(
      { ...ports, corpus, known },
      plan,
      wholeNumber(invocation, 'shard', 0, 255) ?? 0,
    );
  } finally {
    await ports.close();
  }
  return 0;
};
