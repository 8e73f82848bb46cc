// State of GPUs from nvidia-smi and the driver: idle, faulty or left in a bad state.
/** One GPU as `nvidia-smi` describes it; null where it does not say. */
export type GpuState = {
  readonly uuid: string;
  readonly memoryUsedMib: number | null;
  readonly utilisationPercent: number | null;
  readonly temperatureC: number | null;
  readonly smClockMhz: number | null;
  readonly memoryClockMhz: number | null;
  readonly throttleReasons: string;
  readonly uncorrectedEcc: number | null;
};

/** Fields that are asked for, in the order in which they come back. */
export const GPU_FIELDS = [
  'uuid',
  'memory.used',
  'utilization.gpu',
  'temperature.gpu',
  'clocks.sm',
  'clocks.mem',
  'clocks_throttle_reasons.active',
  'ecc.errors.uncorrected.volatile.total',
] as const;

/** When a GPU is idle: no process, next to no memory, no work, and cool (RULES "Idle GPUs"). */
const IDLE = { memoryUsedMib: 256, utilisationPercent: 5, temperatureC: 65, warmerC: 5 } as const;

/**
 * Bits of the reasons why a GPU runs slower than it could: slowed down or braked by the hardware
 * (0x8, 0x80), too hot for software or hardware (0x20, 0x40). An idle clock (0x1) is none of them.
 */
const SLOWED = 0x8 | 0x20 | 0x40 | 0x80;

const number = (text: string | undefined): number | null => {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : null;
};

/** Reads `nvidia-smi --query-gpu=… --format=csv,noheader,nounits`. */
export function parseGpus(csv: string): GpuState[] {
  return csv
    .split('\n')
    .filter((line) => line.includes(','))
    .map((line) => {
      const [uuid, memory, utilisation, temperature, sm, mem, throttle, ecc] = line
        .split(',')
        .map((cell) => cell.trim());
      return {
        uuid: uuid!,
        memoryUsedMib: number(memory),
        utilisationPercent: number(utilisation),
        temperatureC: number(temperature),
        smClockMhz: number(sm),
        memoryClockMhz: number(mem),
        throttleReasons: throttle ?? '',
        uncorrectedEcc: number(ecc),
      };
    });
}

/** How hot a GPU may be before the next server, by what it showed before the first. */
const hottestC = (startC: number | null): number =>
  startC === null ? IDLE.temperatureC : Math.min(IDLE.temperatureC, startC + IDLE.warmerC);

/** Why one GPU is not idle. What the driver does not say counts against it. */
function busyWith(gpu: GpuState, start: GpuState | undefined): string | null {
  const { uuid, memoryUsedMib, utilisationPercent, temperatureC, memoryClockMhz } = gpu;
  if (memoryUsedMib === null || utilisationPercent === null || temperatureC === null)
    return `${uuid} does not say whether it is idle`;
  if (memoryUsedMib > IDLE.memoryUsedMib) return `${uuid} still holds ${memoryUsedMib} MiB`;
  if (utilisationPercent > IDLE.utilisationPercent)
    return `${uuid} is still ${utilisationPercent} % busy`;
  const hottest = hottestC(start?.temperatureC ?? null);
  if (temperatureC > hottest) return `${uuid} is ${temperatureC} °C hot, ${hottest} are allowed`;
  if ((Number.parseInt(gpu.throttleReasons, 16) & SLOWED) !== 0)
    return `${uuid} is slowed down (${gpu.throttleReasons})`;
  const clock = start?.memoryClockMhz ?? null;
  if (clock !== null && memoryClockMhz !== clock)
    return `${uuid} has a memory clock of ${memoryClockMhz ?? '?'} MHz, ${clock} at the start`;
  return null;
}

/**
 * Why the GPUs are not idle; null where they are. `processes` are those that compute on them,
 * `start` what they showed before the first server: no server may leave heat or other clocks for the
 * next.
 */
export function notIdle(
  gpus: readonly GpuState[],
  processes: readonly string[],
  start: readonly GpuState[] | null = null,
): string | null {
  if (processes.length > 0) return `processes on the GPUs: ${processes.join(', ')}`.slice(0, 200);
  for (const gpu of gpus) {
    const busy = busyWith(
      gpu,
      start?.find(({ uuid }) => uuid === gpu.uuid),
    );
    if (busy !== null) return busy;
  }
  return null;
}

/**
 * Errors of a program, not of a GPU (NVIDIA's Xid catalogue: exception, page fault, stopped
 * channel, its clean-up): any crash leaves one.
 */
const PROGRAM_XIDS = [13, 31, 43, 45];

/** Of the driver's error lines those that speak of the GPU itself. */
export function gpuErrors(lines: readonly string[]): string[] {
  return lines.filter(
    (line) => !PROGRAM_XIDS.includes(Number(/Xid \([^)]*\): (\d+)/.exec(line)?.[1])),
  );
}

/** What a server has left that no waiting mends: errors that were not there before it ran. */
export function leftBehind(before: readonly GpuState[], after: readonly GpuState[]): string | null {
  if (after.length !== before.length) return `${before.length} GPUs before, ${after.length} now`;
  for (const gpu of after) {
    const then = before.find(({ uuid }) => uuid === gpu.uuid);
    if (!then) return `${gpu.uuid} was not there before`;
    if ((gpu.uncorrectedEcc ?? 0) > (then.uncorrectedEcc ?? 0))
      return `${gpu.uuid} has new uncorrected ECC errors`;
  }
  return null;
}
