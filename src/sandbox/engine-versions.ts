// Minimum versions of container software without known security holes, and their check.
/**
 * Smallest versions with the known holes closed (RULES "Versions of the host"). Several: one for
 * each maintained line.
 */
export type Minimums = {
  readonly kernel: readonly string[];
  readonly containerd: readonly string[];
  readonly engine: readonly string[];
  readonly runc: readonly string[];
  readonly toolkit: readonly string[];
  readonly driver: readonly string[];
};
/** What runs on a host; null where the part is not there. */
export type Versions = { readonly [Part in keyof Minimums]: string | null };

const numbers = (version: string): number[] =>
  (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);

/** Whether `version` is at least `minimum`; numbers part by part, anything after them ignored. */
export function atLeast(version: string, minimum: string): boolean {
  const [have, want] = [numbers(version), numbers(minimum)];
  for (let i = 0; i < want.length; i++) {
    if ((have[i] ?? 0) !== want[i]) return (have[i] ?? 0) > want[i]!;
  }
  return true;
}

/** Whether a version is fixed: at least the minimum of its own line, or above the newest line. */
function isFixed(version: string, minimums: readonly string[], sameLine: number): boolean {
  const line = (text: string): string => numbers(text).slice(0, sameLine).join('.');
  const own = minimums.find((minimum) => line(minimum) === line(version));
  if (own !== undefined) return atLeast(version, own);
  return minimums.every((minimum) => atLeast(version, minimum));
}

/** Parts that are too old, each with what is needed. GPU parts count only where GPUs are used. */
export function tooOld(versions: Versions, minimums: Minimums, gpus: boolean): string[] {
  const parts: { name: keyof Minimums; sameLine: number; needed: boolean }[] = [
    { name: 'kernel', sameLine: 1, needed: true },
    { name: 'engine', sameLine: 1, needed: true },
    { name: 'containerd', sameLine: 2, needed: true },
    { name: 'runc', sameLine: 2, needed: true },
    { name: 'toolkit', sameLine: 1, needed: gpus },
    { name: 'driver', sameLine: 1, needed: gpus },
  ];
  return parts.flatMap(({ name, sameLine, needed }) => {
    if (!needed) return [];
    const version = versions[name];
    const wanted = minimums[name].join(' or ');
    if (version === null) return [`${name} is not there, ${wanted} is needed`];
    return isFixed(version, minimums[name], sameLine)
      ? []
      : [`${name} ${version} is older than ${wanted}`];
  });
}
