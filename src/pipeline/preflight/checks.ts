// What a validator's machine and accounts must show before a round can succeed: facts to findings.
import type { ChainCommitment, SubnetState } from '../../chain/chain.ts';
import { CacheonError, messageOf } from '../../core/errors.ts';
import type { Arena } from '../../schema/arena.ts';
import { anchorOf } from '../anchor/anchor-text.ts';

/** One line of `cacheon doctor`. `mend` says what to do; null where nothing has to be done. */
export type PreflightFinding = {
  readonly name: string;
  /** `fail`: a round would fail; `skip`: it cannot be told here. */
  readonly state: 'ok' | 'fail' | 'skip';
  readonly detail: string;
  readonly mend: string | null;
};

export const passing = (name: string, detail: string): PreflightFinding => ({
  ...{ name, state: 'ok', detail, mend: null },
});
export const failing = (name: string, detail: string, mend: string): PreflightFinding => ({
  ...{ name, state: 'fail', detail, mend },
});
export const untold = (name: string, detail: string, mend: string): PreflightFinding => ({
  ...{ name, state: 'skip', detail, mend },
});

/** A question whose failure is its finding. */
export async function asked(
  name: string,
  work: () => Promise<PreflightFinding[]> | PreflightFinding[],
): Promise<PreflightFinding[]> {
  try {
    return await work();
  } catch (error) {
    const mend = error instanceof CacheonError ? error.hint : 'this is a defect: report it';
    return [failing(name, messageOf(error).replace(/\s+/g, ' ').slice(0, 300), mend)];
  }
}

const TAO = 1_000_000_000;
const tao = (rao: bigint): string => `${(Number(rao) / TAO).toFixed(2)} TAO`;

/** Whether the hotkey may set weights and anchor its ledger. */
export function* hotkeyFindings(
  state: SubnetState,
  commitment: ChainCommitment,
): Generator<PreflightFinding> {
  const { uid, validatorPermit, isOwner, stakeRao, stakeThresholdRao } = state;
  if (uid === null) {
    yield failing(
      'hotkey',
      `${commitment.hotkey} is not registered on this subnet`,
      'register it: btcli subnet register',
    );
    return;
  }
  yield passing('hotkey', `uid ${uid}, coldkey ${state.coldkey ?? 'unknown'}`);
  yield validatorPermit || isOwner
    ? passing('permit', isOwner ? 'owner of the subnet' : 'validator permit')
    : failing(
        'permit',
        'no validator permit',
        'permits go by stake: add stake, and wait for an epoch',
      );
  const enough = stakeRao === null || stakeRao >= stakeThresholdRao || isOwner;
  const stake = stakeRao === null ? 'the runtime does not tell' : tao(stakeRao);
  yield enough
    ? passing('stake', `${stake}, ${tao(stakeThresholdRao)} are needed for weights`)
    : failing('stake', `${stake}, ${tao(stakeThresholdRao)} are needed for weights`, 'add stake');
  const { standing } = commitment;
  yield !standing || anchorOf({ standing })
    ? passing(
        'commitment',
        standing ? 'it holds an anchor of a ledger' : 'free: the ledger is anchored there',
      )
    : failing(
        'commitment',
        'the hotkey has committed something else',
        'a validator needs a hotkey of its own: clear the commitment, or take another hotkey',
      );
}

/** How far this machine's clock may be from the chain's: a block, and what one is late by. */
const CLOCK_SECONDS = 60;

/** Whether this machine's clock is near the chain's. */
export function clockFinding(
  { nowSeconds }: Pick<SubnetState, 'nowSeconds'>,
  here: number,
): PreflightFinding {
  const off = Math.round(here - nowSeconds);
  return Math.abs(off) <= CLOCK_SECONDS
    ? passing('clock', `${off} s from the chain's`)
    : failing(
        'clock',
        `${off} s from the chain's`,
        'turn on time synchronisation (chrony, systemd-timesyncd)',
      );
}

const GB = 1e9;

/** Whether the disk has room for the images of a plan beside each other. */
export function diskFinding(
  freeBytes: number,
  folder: string,
  arena: Pick<Arena, 'maxImageGb' | 'shardEntries'>,
): PreflightFinding {
  // Each pulled image lies unpacked beside its layers; those of one shard may be there at once.
  const neededGb = 2 * arena.maxImageGb * (arena.shardEntries + 3);
  const detail = `${Math.floor(freeBytes / GB)} GB free at ${folder}, ${Math.ceil(neededGb)} may be needed`;
  return freeBytes >= neededGb * GB
    ? passing('disk', detail)
    : failing('disk', detail, 'free some space: docker system prune -a, or a larger disk');
}

/** A GPU by its name and the memory that it has. */
type NamedGpu = { readonly name: string; readonly memoryMib: number };

/** Whether the GPUs are those of the tier. `null`: the driver does not answer. */
export function gpuFinding(
  gpus: readonly NamedGpu[] | null,
  tier: string,
  { hardware, network }: Pick<Arena, 'hardware' | 'network'>,
): PreflightFinding {
  const wanted = hardware[tier];
  if (!wanted) {
    const tiers = Object.keys(hardware);
    return tiers.length === 0 && network === 'local'
      ? passing('GPUs', 'none are needed on a local chain')
      : failing(
          'GPUs',
          `the arena has no tier ${tier}`,
          `set CACHEON_TIER to one of ${tiers.join(', ')}`,
        );
  }
  if (gpus === null || gpus.length === 0)
    return failing('GPUs', 'nvidia-smi shows none', 'run scripts/gpu-setup.sh on the GPU machine');
  const names = [...new Set(gpus.map(({ name }) => name))].join(', ');
  const detail = `${gpus.length} of ${names}; ${wanted.gpus} of ${wanted.models.join(' or ')} are needed`;
  // Cards report a little less than is printed on them.
  const large = gpus.every(
    ({ memoryMib }) => memoryMib >= (wanted.memoryGb * 1e9 * 0.95) / 2 ** 20,
  );
  const named = gpus.every(({ name }) =>
    wanted.models.some((model) => model.split(' ').every((part) => name.includes(part))),
  );
  return gpus.length === wanted.gpus && large && named
    ? passing('GPUs', detail)
    : failing(
        'GPUs',
        detail,
        `this machine is of another tier: set CACHEON_TIER, or use ${tier}'s hardware`,
      );
}

/** Exit code 1 where a round would fail. */
export const isFit = (findings: readonly PreflightFinding[]): boolean =>
  findings.every(({ state }) => state !== 'fail');
