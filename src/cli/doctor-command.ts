// Command that checks whether this machine can run untrusted containers safely.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { refusesVolumes } from '../compose/measuring-host.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import type { Rig } from '../sandbox/container-options.ts';
import { tooOld, type Versions } from '../sandbox/engine-versions.ts';
import type { ProbeResult } from '../sandbox/escape-probes.ts';
import { openHost, probeHost, rigOf } from '../sandbox/io/docker-host.ts';
import type { RunCommand } from './command.ts';
import { optional } from './options.ts';

/**
 * `cacheon doctor --sandbox`: versions of what holds containers in, and the escape probes; exit
 * code 1 where a probe fails.
 */
export const doctorCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  if (invocation.values['sandbox'] !== true)
    throw new UsageError(
      'doctor looks at the sandbox only, so far',
      'say cacheon doctor --sandbox',
    );
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const { docker, versions, owner } = await openHost(log);
  const rig = await rigOf(docker, arena, resolve(ROOT, arena.model.path));
  const old = tooOld(versions, arena.sandbox.minimums, rig.gpus !== null);
  for (const line of hostLines(versions, rig)) log.info(line);
  for (const line of old) log.warn(line);
  log.info('running the escape probes');
  const probes = await probeHost(docker, rig, owner, refusesVolumes());
  for (const line of probeLines(probes)) log.info(line);
  const ok = probes.every(({ result }) => result !== 'fail');
  const fit = ok && old.length === 0;
  if (old.length > 0)
    log.warn(
      `too old for a round of ${arena.name}, whatever the probes say: upgrade, or lower its sandbox.minimums`,
    );
  const cores = { server: rig.serverCpus, meter: rig.meterCpus };
  const report = { ok, fit, versions, tooOld: old, cores, gpus: rig.gpus?.ids ?? [], probes };
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return ok ? 0 : 1;
};

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
  const width = Math.max(...probes.map(({ what }) => what.length));
  const count = (result: ProbeResult['result']): number =>
    probes.filter((probe) => probe.result === result).length;
  return [
    ...probes.map(
      ({ id, what, result, detail }) =>
        `${id}  ${result.padEnd(7)}  ${what.padEnd(width)}  ${detail}`,
    ),
    `${count('pass')} hold, ${count('fail')} fail, ${count('not-run')} not run`,
  ];
}
