// All verdicts on a submission, grouped by who is at fault, and which of them are final.
/**
 * All verdicts (RULES "Table of verdicts"). `E_*` is the miner's fault and final; `INFRA_*` is the
 * infrastructure's fault, and the next round tries again; `SEC_*` puts the machine in doubt.
 */
const MINER_FAULTS = [
  'E_START_TIMEOUT',
  'E_EXIT',
  'E_OOM',
  'E_API',
  'E_TIMEOUT',
  'E_HTTP_PROTO',
  'E_HTTP_LIMIT',
  'E_STREAM',
  'E_CONTENT',
  'E_GATE',
  'E_COPY',
  'E_IMAGE_POLICY',
  'E_PAYLOAD_DECODE',
  'E_REF',
  'E_REF_HOST',
  'E_AMBIGUOUS',
  'E_NO_PREIMAGE',
  'E_PAYMENT',
] as const;
const INFRA_FAULTS = [
  'INFRA_CHAIN',
  'INFRA_BASELINE',
  'INFRA_DRIFT',
  'INFRA_CLOCK',
  'INFRA_REGISTRY',
  'INFRA_HOST',
  'INFRA_DISK',
  'INFRA_DIGEST',
  'INFRA_ENGINE',
] as const;
const SECURITY_FAULTS = ['SEC_ESCAPE', 'SEC_GPU_STATE'] as const;
export const VERDICTS = ['VALID', ...MINER_FAULTS, ...INFRA_FAULTS, ...SECURITY_FAULTS] as const;

export type MinerFault = (typeof MINER_FAULTS)[number];
export type InfraFault = (typeof INFRA_FAULTS)[number];
export type SecurityFault = (typeof SECURITY_FAULTS)[number];
export type Verdict = (typeof VERDICTS)[number];

/** Whether a verdict is the miner's own fault. */
export function isMinerFault(verdict: Verdict): verdict is MinerFault {
  return (MINER_FAULTS as readonly Verdict[]).includes(verdict);
}

/** Whether a verdict is nobody's fault: the next round tries again. */
export function isInfraFault(verdict: Verdict): verdict is InfraFault {
  return (INFRA_FAULTS as readonly Verdict[]).includes(verdict);
}

/** Whether a verdict closes a submission for good. */
export function isFinal(verdict: Verdict): boolean {
  return verdict === 'VALID' || isMinerFault(verdict);
}
