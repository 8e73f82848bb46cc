// Command that measures a server or container image against a baseline and reports a verdict.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { armOrder } from '../arena/deal.ts';
import { UsageError } from '../compose/errors.ts';
import { measuringPorts } from '../compose/measuring-host.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { fromHex } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { lazy } from '../core/lazy.ts';
import { admitAlone } from '../images/admission.ts';
import { evalPlan } from '../judge/evaluation.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { writeWhole } from '../node/atomic-file.ts';
import type { Arm, BootPorts } from '../pipeline/evaluate/boot-parts.ts';
import { measureBoot } from '../pipeline/evaluate/boot-run.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { poolsOf } from '../prompts/suites.ts';
import type { Arena } from '../schema/arena.ts';
import { pinnedImage } from '../schema/image-ref.ts';
import type { RunCommand } from './command.ts';
import { judgeFolder } from './eval-folder.ts';
import { optional, required } from './options.ts';
import { exitCodeOf, reportLines } from './verdict-table.ts';

function targetOf(text: string, option: string): EngineTarget {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) {
    if (text.startsWith('https'))
      throw new UsageError(
        `--${option} ${text}: the measuring client speaks plain HTTP`,
        'give an http:// URL',
      );
    return { kind: 'url', url: text.replace(/\/+$/, '') };
  }
  const image = /^(?<image>[^@\s]+)@(?<digest>.*)$/.exec(text)?.groups;
  if (!image)
    throw new UsageError(
      `--${option} ${text} is neither an http:// URL nor image@sha256:…`,
      'give, say, http://127.0.0.1:8000',
    );
  if (!/^sha256:[0-9a-f]{64}$/.test(image['digest']!))
    throw new UsageError(
      `--${option} ${text}: the digest is not sha256: and 64 lower-case hex digits`,
      'pin the image as name@sha256:…',
    );
  return { kind: 'image', image: image['image']!, digest: image['digest']! };
}

const nameOf = (target: EngineTarget): string =>
  target.kind === 'url' ? target.url : `${target.image}@${target.digest}`;
const withArguments = (target: EngineTarget, arena: Arena): EngineTarget =>
  target.kind === 'image' ? { ...target, args: arena.images.arguments } : target;

/**
 * `cacheon eval`: one evaluation of running servers or images. Writes DIR/plan.json, the traces and
 * verdict.json.
 */
export const evalCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const blockHash = required(invocation, 'block-hash');
  const out = resolve(required(invocation, 'out'));
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new UsageError(
      `--out ${out} is not empty`,
      'name a new folder: evidence is never overwritten',
    );
  const baseline = targetOf(required(invocation, 'baseline'), 'baseline');
  const challenger = targetOf(required(invocation, 'challenger'), 'challenger');
  const other = optional(invocation, 'incumbent');
  const incumbent = other === undefined ? null : targetOf(other, 'incumbent');
  const reference = targetOf(optional(invocation, 'reference') ?? nameOf(baseline), 'reference');
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), log);
  const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
  const plan = evalPlan(arena, corpus, tokenizer, blockHash, {
    baseline: nameOf(baseline),
    challenger: nameOf(challenger),
    incumbent: incumbent && nameOf(incumbent),
    reference: nameOf(reference),
  });
  writeWhole(join(out, 'plan.json'), renderJson(plan));

  const given = { challenger, ...(incumbent ? { incumbent } : {}) };
  const containers = [baseline, reference, ...Object.values(given)].some(
    ({ kind }) => kind === 'image',
  );
  const keep: BootPorts['keep'] = (path, content) => writeEvidence(out, path, content);
  const ports = await measuringPorts(
    arena,
    ROOT,
    { kind: containers ? 'containers' : 'urls' },
    log,
    keep,
  );
  const pinned = [arena.images.baseline, arena.images.reference]
    .filter((image) => image.includes('@'))
    .map(pinnedImage);
  const bases = [
    ...(baseline.kind === 'image' ? [baseline] : pinned),
    ...arena.images.bases.map(pinnedImage),
  ];
  const arm = (role: 'challenger' | 'incumbent', target: EngineTarget): Arm => {
    const { images } = ports;
    // The round's policy applies; no miner has a claim on content here.
    const admit =
      images && target.kind === 'image'
        ? { admit: lazy(() => admitAlone({ ...ports, images }, arena, target, bases)) }
        : {};
    return { name: role, role, key: null, target, ...admit };
  };
  const order = armOrder(Object.keys(given), fromHex(blockHash)!, 0, 1) as (
    'challenger' | 'incumbent'
  )[];
  const boot = {
    blockHash,
    shard: 0,
    boot: 1,
    prompts: plan.prompts,
    pools: poolsOf(plan.prompts),
    baseline: withArguments(baseline, arena),
    reference: withArguments(reference, arena),
    arms: order.map((role) => arm(role, given[role]!)),
  };
  try {
    await measureBoot(ports, arena, boot);
  } finally {
    await ports.close();
  }
  const { report, text } = judgeFolder(out);
  writeWhole(join(out, 'verdict.json'), text);
  for (const line of reportLines(report)) log.info(line);
  if (json) process.stdout.write(text);
  return exitCodeOf(report.verdict);
};
