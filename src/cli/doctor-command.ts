// Command that checks whether this machine can run untrusted containers safely.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { refusesVolumes } from '../compose/measuring-host.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { tooOld } from '../sandbox/engine-versions.ts';
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
  for (const [part, version] of Object.entries(versions))
    log.info(`${part.padEnd(8)} ${version ?? 'not there'}`);
  for (const line of old) log.warn(line);
  log.info(
    `cores    server ${rig.serverCpus ?? 'any'}, measuring client ${rig.meterCpus ?? 'any'}; GPUs: ${rig.gpus?.ids.length ?? 0}`,
  );
  log.info('running the escape probes');
  const probes = await probeHost(docker, rig, owner, refusesVolumes());
  const width = Math.max(...probes.map(({ what }) => what.length));
  for (const { id, what, result, detail } of probes)
    log.info(`${id}  ${result.padEnd(7)}  ${what.padEnd(width)}  ${detail}`);
  const count = (result: string): number =>
    probes.filter((probe) => probe.result === result).length;
  log.info(`${count('pass')} hold, ${count('fail')} fail, ${count('not-run')} not run`);
  if (old.length > 0)
    log.warn(
      `too old for a round of ${arena.name}, whatever the probes say: upgrade, or lower its sandbox.minimums`,
    );
  const ok = count('fail') === 0;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ ok, fit: ok && old.length === 0, versions, tooOld: old, cores: { server: rig.serverCpus, meter: rig.meterCpus }, gpus: rig.gpus?.ids ?? [], probes }, null, 2)}\n`,
    );
  return ok ? 0 : 1;
};
