// Command that fills in what an arena file leaves open, or says what has moved since.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchCorpus } from '../compose/corpus-hub.ts';
import { UsageError } from '../compose/errors.ts';
import { lookUpPins, type Pin, pinnedText } from '../compose/pinning.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { parseArena } from '../schema/arena.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';
import { give } from './output.ts';

const SAID: Readonly<Record<Pin['state'], string>> = { open: 'OPEN', moved: 'MOVED', same: 'ok' };

function* lines(pins: readonly Pin[]): Generator<string> {
  const width = Math.max(...pins.map(({ name }) => name.length));
  for (const { name, now, found, state } of pins) {
    yield `${SAID[state].padEnd(5)}  ${name.padEnd(width)}  ${found}`;
    if (state === 'moved') yield `       ${' '.repeat(width)}  ${now ?? ''} is pinned`;
  }
}

/**
 * `cacheon arena pin`: looks up image digests, the weights' hashes and the corpus manifest on a machine
 * with internet, and writes them: the arena file, and `.github/weights/<model>.sha256`. With --check it
 * changes no pin, and exits with 1 where something is open or has moved.
 */
export const arenaPinCommand: RunCommand = async (invocation) => {
  const { log, values } = invocation;
  const path = arenaPath(optional(invocation, 'arena'), '.github/arena.json');
  const arena = readArena(path);
  const manifest = join(
    optional(invocation, 'manifests') ?? join(ROOT, '.github/weights'),
    `${arena.model.name}.sha256`,
  );
  const corpus = optional(invocation, 'corpus');
  if (values['fetch'] === true) {
    if (corpus === undefined)
      throw new UsageError('--fetch without --corpus', 'name the folder with --corpus DIR');
    await fetchCorpus(corpus, log);
  }
  const { pins, weights } = await lookUpPins({
    ...{ arena, manifest, log, corpus },
    weights: optional(invocation, 'weights'),
  });
  give(invocation, { pins }, lines(pins));
  const changed = pins.filter(({ state }) => state !== 'same');
  if (values['check'] === true) return changed.length === 0 ? 0 : 1;
  const before = readFileSync(path, 'utf8');
  const after = pinnedText(before, arena, pins);
  parseArena(JSON.parse(after), path);
  if (after !== before) {
    writeWhole(path, after);
    log.info(
      `${path} is written; an arena that is to count needs a file of its own in .github/arenas, and its line in index.json`,
    );
  }
  if (weights !== null && changed.some(({ name }) => name === 'weights')) {
    writeWhole(manifest, weights);
    log.info(`${manifest} is written: scripts/gpu-setup.sh verifies weights against it`);
  }
  return 0;
};
