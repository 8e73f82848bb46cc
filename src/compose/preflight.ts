// Asks chain, ledger, arena and machine what a round needs, one finding a question.
import { counted } from '../core/counted.ts';
import { existsSync, statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { messageOf } from '../core/errors.ts';
import { registryDocuments } from '../images/io/registry-documents.ts';
import { openStored } from '../ledger/open.ts';
import type { ResultStore } from '../ledger/store.ts';
import { findDocker } from '../node/docker.ts';
import { assertHoldsAnchor } from '../pipeline/anchor/own-anchor.ts';
import {
  asked,
  clockFinding,
  diskFinding,
  failing,
  gpuFinding,
  hotkeyFindings,
  passing,
  type PreflightFinding,
  untold,
} from '../pipeline/preflight/checks.ts';
import { assertReady } from '../pipeline/readiness.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { tooOld } from '../sandbox/engine-versions.ts';
import { namedGpus, versionsOf } from '../sandbox/io/engine-host.ts';
import type { Arena } from '../schema/arena.ts';
import { parseImageRef } from '../schema/image-ref.ts';
import { silentLog } from '../core/log.ts';
import { readCalibration } from './calibrations.ts';

/** What a preflight looks at. */
export type PreflightJob = {
  readonly root: string;
  readonly arena: Arena;
  /** Folder of the arena file. */
  readonly folder: string;
  readonly tier: string;
  readonly corpus: string | undefined;
  readonly store: ResultStore;
  /** Address of the validator's hotkey; null: not given. */
  readonly validator: string | null;
  readonly openChain: () => Promise<EndpointPool>;
  /** Whether this machine measures; else another host does. */
  readonly measures: boolean;
};

type Questions = (job: PreflightJob) => Promise<PreflightFinding[]>;

/** What only the keepers of an arena can do: validators of one arena must have one file. */
const NOT_YET =
  'this arena is not ready for anybody: update your clone once it is (git pull); its keepers pin it with cacheon arena pin';

/** An image of the arena's own: pinned, and still in its registry. */
async function imageFinding(
  name: 'baseline' | 'reference',
  { images, loopbackImages }: Arena,
): Promise<PreflightFinding> {
  const text = images[name];
  const ref = parseImageRef(text);
  if (!ref) return failing(name, `${text} has no digest`, NOT_YET);
  try {
    const found = await registryDocuments(loopbackImages).manifest(ref);
    if (found.state === 'found') return passing(name, text);
    return failing(name, `${text} is gone: ${found.detail}`, 'update your clone (git pull)');
  } catch (error) {
    const silent = `${text}: its registry does not answer (${messageOf(error)})`;
    if (loopbackImages)
      return untold(name, silent, 'with --engine-command engines run as processes, without images');
    return process.env['CACHEON_MIRROR']
      ? untold(name, silent, 'the mirror is asked in its place')
      : failing(name, silent, 'look at this machine’s network, or name a mirror: CACHEON_MIRROR');
  }
}

const arenaQuestions: Questions = async ({ root, arena, folder, tier, corpus }) => {
  const treasury =
    arena.fee === 0 || arena.treasury !== null
      ? passing('treasury', arena.fee === 0 ? 'no fee is taken' : arena.treasury!)
      : failing('treasury', 'a fee is taken, and no treasury named', NOT_YET);
  const tiers = Object.keys(arena.hardware);
  if (tiers.length > 0 && !tiers.includes(tier))
    return [failing('tier', `the arena has no tier ${tier}`, `CACHEON_TIER: ${tiers.join(', ')}`)];
  return [
    ...(await asked('arena', () => {
      assertReady(arena, tier);
      return [passing('arena', `${arena.name}, tier ${tier}`)];
    })),
    await imageFinding('baseline', arena),
    await imageFinding('reference', arena),
    treasury,
    ...(await asked('calibration', () => {
      const found = readCalibration(arena, folder, tier);
      return [
        passing('calibration', found ? `of ${found.noiseBoots} boots` : 'none, on a local chain'),
      ];
    })),
    ...(await asked('tokenizer', () => [
      passing('tokenizer', loadTokenizer(arena.tokenizer, root).id),
    ])),
    ...(await asked('corpus', () => [
      passing('corpus', openCorpus(arena.corpus, corpus, silentLog).id),
    ])),
  ];
};

/** What the chain would have told. */
const NOT_ASKED = untold(
  'hotkey',
  'clock, registration, permit, stake, commitment and ledger were not asked',
  'mend the chain first',
);

const chainQuestions: Questions = async (job) => {
  const opened: EndpointPool[] = [];
  const fault = await asked('chain', async () => {
    opened.push(await job.openChain());
    return [];
  });
  const [chain] = opened;
  return chain ? askChain(job, chain) : [...fault, NOT_ASKED];
};

async function askChain(
  { arena, store, validator }: PreflightJob,
  chain: EndpointPool,
): Promise<PreflightFinding[]> {
  try {
    const head = await chain.finalizedHead();
    const { specName, specVersion } = await chain.identity();
    const found = [passing('chain', `${specName} ${specVersion} at block ${head.number}`)];
    if (validator === null)
      return [
        ...found,
        untold('hotkey', 'no hotkey is named', 'give --validator SS58, or set CACHEON_HOTKEY'),
      ];
    const state = await chain.subnet(arena.netuid, validator);
    const commitment = await chain.commitment(validator, arena.netuid);
    return [
      ...found,
      arena.network === 'local'
        ? passing('clock', 'a local chain has a time of its own')
        : clockFinding(state, Date.now() / 1000),
      ...hotkeyFindings(state, commitment),
      ...(await asked('ledger', async () => {
        const ledger = await openStored(store, validator);
        assertHoldsAnchor(ledger, commitment);
        return [
          passing(
            'ledger',
            `${counted(ledger.records.length, 'record')}, none unknown to the chain`,
          ),
        ];
      })),
    ];
  } finally {
    await chain.disconnect();
  }
}

const hostQuestions: Questions = async ({ root, arena, tier, measures }) => {
  if (!measures)
    return [untold('machine', 'another host measures', 'run cacheon doctor there as well')];
  const gpus = await namedGpus();
  const docker = await findDocker();
  const engine = docker
    ? await asked('Docker', async () => {
        const versions = await versionsOf(docker);
        const old = tooOld(versions, arena.sandbox.minimums, (gpus?.length ?? 0) > 0);
        return old.length === 0
          ? [passing('Docker', `engine ${versions.engine ?? '?'}, runc ${versions.runc ?? '?'}`)]
          : old.map((line) => failing('Docker', line, 'upgrade it: scripts/gpu-setup.sh does'));
      })
    : [failing('Docker', 'no engine answers', 'install and start it: scripts/gpu-setup.sh does')];
  const weights = resolve(root, arena.model.path);
  const { bavail, bsize } = statfsSync(root);
  return [
    ...engine,
    gpuFinding(gpus, tier, arena),
    existsSync(weights)
      ? passing('weights', weights)
      : failing('weights', `${weights} is not there`, 'fetch them: scripts/gpu-setup.sh weights'),
    diskFinding(bavail * bsize, root, arena),
  ];
};

/** Every question, in the order in which a new validator meets them. */
export async function preflight(job: PreflightJob): Promise<PreflightFinding[]> {
  return [
    ...(await asked('arena', () => arenaQuestions(job))),
    ...(await asked('chain', () => chainQuestions(job))),
    ...(await asked('machine', () => hostQuestions(job))),
  ];
}
