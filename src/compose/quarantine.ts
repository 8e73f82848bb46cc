// A host that a server left unfit measures nothing until a person has looked at it.
import { existsSync, readFileSync } from 'node:fs';
import { CacheonError } from '../core/errors.ts';
import { writeWhole } from '../node/atomic-file.ts';
import type { TraceLine } from '../schema/trace.ts';
import { verdictOfEvent } from '../schema/trace-events.ts';

/** Names the file that stands for a quarantine; without it a host is never quarantined. */
export const QUARANTINE_VARIABLE = 'CACHEON_QUARANTINE';

/** This host must not measure. */
class QuarantineError extends CacheonError<'QUARANTINED'> {}

/** Throws `QUARANTINED` where an earlier run left this host unfit. */
export function assertNotQuarantined(path: string | undefined): void {
  if (path === undefined || path === '' || !existsSync(path)) return;
  const why = readFileSync(path, 'utf8').trim().slice(0, 300);
  throw new QuarantineError(
    'QUARANTINED',
    'infra',
    `this host is quarantined: ${why === '' ? `${path} is there, and is empty` : why}`,
    `look at the host (dmesg, nvidia-smi, docker ps), then remove ${path}`,
  );
}

/** Puts the host into quarantine where what is kept holds a security event (`SEC_*`). */
export function quarantineBy(
  path: string | undefined,
  name: string,
  content: readonly TraceLine[] | Uint8Array,
): void {
  if (path === undefined || path === '' || content instanceof Uint8Array) return;
  for (const line of content) {
    if (line.type !== 'event') continue;
    const verdict = verdictOfEvent(line.name);
    if (verdict === null || !verdict.startsWith('SEC_')) continue;
    writeWhole(path, `${new Date().toISOString()} ${verdict} in ${name}: ${line.detail ?? ''}\n`);
  }
}
