// Command that measures a machine's share of a signed plan and leaves the traces in a folder.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { measureShard } from '../compose/measuring-shard.ts';
import { ROOT } from '../compose/repository.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import { type TraceLine, traceOfLines } from '../schema/trace.ts';
import { withShortKeys } from '../schema/short-names.ts';
import { eventSentence, verdictOfEvent } from '../schema/trace-events.ts';
import type { RunCommand } from './command.ts';
import { readDraw } from '../compose/draw-file.ts';
import { optional, required, wholeNumber } from './options.ts';
import { give } from './output.ts';
import { table } from './screen.ts';
import { workplace } from './workplace.ts';

/** What one run of a server left: how many prompts it answered, and what ended it early. */
type KeptRun = { readonly path: string; readonly answered: number; readonly ended: string | null };

/** A run by its trace. It judges nothing: how an answer counts is the judge's to say. */
function keptRun(path: string, lines: readonly TraceLine[]): KeptRun {
  const { requests, events } = traceOfLines(lines, path);
  const fault = events.find(({ name }) => verdictOfEvent(name) !== null);
  return {
    path,
    answered: requests.filter(({ end }) => end?.outcome === 'done').length,
    ended: fault ? eventSentence(fault.name, fault.detail ?? null) : null,
  };
}

/** A run's path in short: shard, boot, and whose it is. */
const nameOf = (path: string): string =>
  withShortKeys(path.replace(/^traces\/|\.ndjson\.gz$/g, ''));

/** What a person sees of a measured shard. */
function* keptLines(runs: readonly KeptRun[], next: string): Generator<string> {
  const rows = runs.map(({ path, answered, ended }) => [
    ...[nameOf(path), String(answered), ended ?? 'by its end'],
  ]);
  yield* table([['shard/boot/server', 'answers', 'ended'], ...rows], ['left', 'right']);
  yield runs.some(({ answered }) => answered > 0)
    ? `next: ${next}`
    : 'no server answered anything: look at the machine with cacheon doctor';
}

/**
 * `cacheon evaluate`: measures one shard of a signed plan by the seed that `cacheon draw` left in
 * the folder, or repeats a round on record; leaves its traces there. Holds no key. Exit code 1 where
 * no server answered anything.
 */
export const evaluateCommand: RunCommand = async (invocation) => {
  const { store, arena } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  if (block === undefined) throw new UsageError('--round is missing', 'the block of a signed plan');
  const out = resolve(required(invocation, 'out'));
  const runs = new Map<string, KeptRun>();
  if (existsSync(join(out, 'traces')))
    invocation.log.warn(`${out} holds traces already: those of this shard are replaced`);
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
    keep: (path, content) => {
      writeEvidence(out, path, content);
      if (path.startsWith('traces/') && !(content instanceof Uint8Array))
        // A run is kept once more when its answers were forced.
        runs.set(path, keptRun(path, content));
    },
    log: invocation.log,
  });
  const next = `cacheon publish --round ${block} --traces ${out}`;
  const all = [...runs.values()];
  give(invocation, { schema: 1, round: block, out, runs: all }, keptLines(all, next));
  return all.some(({ answered }) => answered > 0) ? 0 : 1;
};
