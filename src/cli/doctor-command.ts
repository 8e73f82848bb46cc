// Command that checks what a validator needs, and whether this machine can hold untrusted containers in.
import { resolve } from 'node:path';
import { HOTKEY_VARIABLE } from '../chain/io/key-pairs.ts';
import { refusesVolumes } from '../compose/measuring-host.ts';
import { preflight } from '../compose/preflight.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { validatorPair } from '../compose/settling.ts';
import { GPU_HOST_VARIABLE } from '../compose/ssh-host.ts';
import { UsageError } from '../compose/errors.ts';
import { decodeSs58 } from '../core/ss58.ts';
import type { Rig } from '../sandbox/container-options.ts';
import { tooOld, type Versions } from '../sandbox/engine-versions.ts';
import type { ProbeResult } from '../sandbox/escape-probes.ts';
import { openHost, probeHost, rigOf } from '../sandbox/io/docker-host.ts';
import { isFit } from '../pipeline/preflight/checks.ts';
import type { Invocation, RunCommand } from './command.ts';
import { findingLines } from './finding-lines.ts';
import { optional } from './options.ts';
import { openChain, workplace } from './workplace.ts';
import { give } from './output.ts';
import { table } from './screen.ts';

/** The validator that is looked at: by its address, or by the key that would sign. */
function validatorIn(invocation: Invocation): string | null {
  const given = optional(invocation, 'validator');
  if (given !== undefined) {
    if (decodeSs58(given) !== null) return given;
    throw new UsageError(
      `--validator ${given} is not an ss58 address`,
      "give the validator's hotkey address",
    );
  }
  return process.env[HOTKEY_VARIABLE] === undefined ? null : validatorPair().address;
}

/** What a validator needs, a line each. */
async function lookAround(invocation: Invocation): Promise<number> {
  const { arena, folder, store } = workplace(invocation);
  const findings = await preflight({
    ...{ root: ROOT, arena, folder, store },
    tier: process.env['CACHEON_TIER'] ?? 'unset',
    corpus: optional(invocation, 'corpus'),
    validator: validatorIn(invocation),
    openChain: () => openChain(invocation, arena),
    measures: (process.env[GPU_HOST_VARIABLE] ?? '') === '',
  });
  const fit = isFit(findings);
  const lines = findingLines(findings, 'a round could run here', 'a round would fail');
  give(invocation, { ok: fit, findings }, lines);
  return fit ? 0 : 1;
}

/**
 * `cacheon doctor`: everything that a round needs, a line each with its mend; exit code 1 where a
 * round would fail. With --sandbox versions of what holds containers in, and the escape probes; exit
 * code 1 where a probe fails.
 */
export const doctorCommand: RunCommand = (invocation) =>
  invocation.values['sandbox'] === true ? lookAtSandbox(invocation) : lookAround(invocation);

/** Versions of what holds containers in, and the escape probes. */
async function lookAtSandbox(invocation: Invocation): Promise<number> {
  const { log, print } = invocation;
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const { docker, versions, owner } = await openHost(log);
  const rig = await rigOf(docker, arena, resolve(ROOT, arena.model.path));
  const old = tooOld(versions, arena.sandbox.minimums, rig.gpus !== null);
  for (const line of hostLines(versions, rig)) print(line);
  for (const line of old) log.warn(line);
  log.info('running the escape probes');
  const probes = await probeHost(docker, rig, owner, refusesVolumes());
  const ok = probes.every(({ result }) => result !== 'fail');
  const fit = ok && old.length === 0;
  if (old.length > 0)
    log.warn(
      `too old for a round of ${arena.name}, whatever the probes say: upgrade, or lower its sandbox.minimums`,
    );
  const cores = { server: rig.serverCpus, meter: rig.meterCpus };
  const report = { ok, fit, versions, tooOld: old, cores, gpus: rig.gpus?.ids ?? [], probes };
  give(invocation, report, probeLines(probes));
  return ok ? 0 : 1;
}

/** Versions, cores and GPUs of the machine, a line each. */
function hostLines(versions: Versions, { serverCpus, meterCpus, gpus }: Rig): string[] {
  const cores = `server ${serverCpus ?? 'any'}, measuring client ${meterCpus ?? 'any'}`;
  return [
    ...Object.entries(versions).map(
      ([part, version]) => `${part.padEnd(8)} ${version ?? 'not there'}`,
    ),
    `cores    ${cores}; GPUs: ${gpus?.ids.length ?? 0}`,
  ];
}

/** Each probe, and how many of them hold. */
function probeLines(probes: readonly ProbeResult[]): string[] {
  const count = (result: ProbeResult['result']): number =>
    probes.filter((probe) => probe.result === result).length;
  return [
    ...table([
      ['probe', 'result', 'what, and what was seen'],
      ...probes.map(({ id, what, result, detail }) => [id, result, `${what}: ${detail}`]),
    ]),
    `${count('pass')} hold, ${count('fail')} fail, ${count('not-run')} not run`,
  ];
}
