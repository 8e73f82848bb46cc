// The events of a server's life in a trace, and the verdict that each of them means.
import type { Verdict } from './verdicts.ts';

/**
 * All events (RULES "Lines of a trace"), and the verdict of a challenger that they end; null where an
 * event ends nothing. Events that a reader does not know are kept and mean nothing.
 */
export const EVENT_VERDICTS = {
  start: null,
  healthy: null,
  idle: null,
  'too-slow': null,
  'start-timeout': 'E_START_TIMEOUT',
  exit: 'E_EXIT',
  oom: 'E_OOM',
  'image-policy': 'E_IMAGE_POLICY',
  'image-content': 'E_IMAGE_POLICY',
  copy: 'E_COPY',
  'bare-base': 'E_COPY',
  'image-gone': 'INFRA_REGISTRY',
  registry: 'INFRA_REGISTRY',
  'registry-busy': 'INFRA_REGISTRY',
  digest: 'INFRA_DIGEST',
  disk: 'INFRA_DISK',
  'not-run': 'INFRA_ENGINE',
  'reference-failed': 'INFRA_ENGINE',
  'meter-lost': 'INFRA_HOST',
  host: 'INFRA_HOST',
  'broke-off': 'INFRA_HOST',
  'gpu-state': 'SEC_GPU_STATE',
} as const satisfies Readonly<Record<string, Exclude<Verdict, 'VALID'> | null>>;

export type EventName = keyof typeof EVENT_VERDICTS;

/** The verdict that an event means; null where it means none, or is not known. */
export function verdictOfEvent(name: string): (typeof EVENT_VERDICTS)[EventName] {
  return Object.hasOwn(EVENT_VERDICTS, name) ? EVENT_VERDICTS[name as EventName] : null;
}

/** What some events mean in words, before their detail: the others' details are whole sentences. */
const SAYS: Partial<Record<EventName, string>> = {
  exit: 'the server ended by itself',
  oom: 'the server was killed for want of memory',
  copy: 'a copy',
  'image-gone': 'the image is gone',
  registry: 'its registry failed',
  'registry-busy': 'its registry asks for patience',
  digest: 'its registry gave other bytes',
  disk: 'the disk of the measuring machine',
  'not-run': 'not started',
  'reference-failed': 'the reference failed',
  'meter-lost': 'the measuring client was lost',
  host: 'the measuring machine',
  'broke-off': 'measuring broke off',
  'gpu-state': 'it left the GPUs unfit',
};

/** An event as a sentence, for people. Its name stays the code of its reason. */
export function eventSentence(name: string, detail: string | null): string {
  const says = Object.hasOwn(SAYS, name) ? SAYS[name as EventName] : undefined;
  const parts = [says, detail].filter((part) => part !== undefined && part !== null);
  return (parts.length === 0 ? name : parts.join(': ')).slice(0, 300);
}
