// The groups of numbers in an arena: deadlines, limits, scoring, clock, sandbox, emission.
import { z } from 'zod';
import { QUICKNET_BEACON } from '../core/quicknet.ts';

const seconds = z.number().positive().max(86_400);
const count = z.number().int().nonnegative();
const positive = z.number().int().positive();
const share = z.number().min(0).max(1);
const versions = z.array(z.string().regex(/^\d+(?:\.\d+)*$/)).min(1);

/** Servers that a tier is calibrated with: honest ones, and altered ones that must be caught. */
export const calibrationClasses = z
  .array(
    z
      .strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
        kind: z
          .enum(['honest', 'control', 'reference'])
          .describe('reference: forces the answers in place of images.reference'),
        image: z.string().optional().describe('image@sha256:…'),
        arguments: z.array(z.string()).optional().describe('of the image in place of its own'),
        command: z
          .array(z.string())
          .min(1)
          .optional()
          .describe('starts a server on this machine and prints its URL, or {"url": …}, as a line'),
        stop: z.array(z.string()).min(1).optional().describe('ends a server that the command left'),
      })
      .refine(({ image, command }) => (image === undefined) !== (command === undefined), {
        message: 'a class has an image or a command',
      }),
  )
  .default([])
  .describe('classes of servers that cacheon calibrate measures');

/** Which code may plan. */
export const leastVersion = z
  .string()
  .regex(/^\d+\.\d+\.\d+$/)
  .default('0.1.0')
  .describe('oldest version of this code that may plan a round');

/** Deadlines of a server and of a request. */
export const deadlines = z
  .strictObject({
    start: seconds,
    connect: seconds,
    firstByte: seconds,
    interChunk: seconds,
    request: seconds,
  })
  .default({ start: 750, connect: 5, firstByte: 60, interChunk: 30, request: 120 })
  .describe('seconds on the monotonic clock');

/** What a server may send. */
export const limits = z
  .strictObject({
    headerBytes: positive.default(16_384).describe('response headers'),
    informational: count.default(16).describe('1xx responses to one request'),
    lineBytes: positive.default(1_048_576).describe('one SSE line'),
    bodyBytes: positive
      .default(1_048_576)
      .describe('body of one answer: all of it goes into git for ever'),
    chunks: positive.default(16_384).describe('socket reads of one answer'),
    events: positive.default(16_384).describe('SSE events of one answer'),
  })
  .prefault({})
  .describe('what a server may send');

/** How a score follows from times and tokens. */
export const scoring = z
  .strictObject({
    ttftWeight: share.default(0.5),
    throughputWeight: share.default(0.5),
    minTokensShare: share
      .default(0.9)
      .describe("throughput is 0 under this share of the baseline's tokens"),
    ttftWindow: positive
      .min(4)
      .default(16)
      .describe('tokens that tell the TTFT; an answer with fewer has the TTFT of its last token'),
    ttftRank: positive
      .default(11)
      .describe('which of them counts, from the smallest: of a full window this one'),
  })
  .prefault({});

/**
 * Where a round's seed comes from (RULES "Seed"): a pulse of a drand beacon; on a chain without
 * pulses the hash of a later block; on a local chain a seed that is given, so that a demo repeats.
 */
export const beacon = z
  .union([
    z.literal('block'),
    z.strictObject({
      kind: z.literal('drand'),
      publicKey: z.string().regex(/^0x[0-9a-f]{192}$/, 'wants 96 bytes of hex'),
      genesisSeconds: count,
      periodSeconds: positive,
      delaySeconds: count.describe('from the block of the anchor to the pulse'),
    }),
    z.strictObject({ kind: z.literal('block') }),
    z.strictObject({
      kind: z.literal('fixed'),
      seed: z.string().regex(/^0x[0-9a-f]{64}$/, 'wants 0x and 64 hex digits'),
    }),
  ])
  .default(QUICKNET_BEACON)
  .describe('where a seed comes from: drand quicknet by default');

/** How wrong the measuring client may be. */
export const clock = z
  .strictObject({
    waitMs: z
      .number()
      .positive()
      .default(5)
      .describe('what the client itself may lose in a sample, in ms'),
    waitShare: share
      .default(0.02)
      .describe('or this share of what it measured, where that is more; else the sample is void'),
    ttftBiasMs: z.number().positive().default(0.25).describe('self-test: error of the median TTFT'),
    p99Ms: z.number().positive().default(3).describe('self-test: p99 of the error of all chunks'),
    throughputBias: z
      .number()
      .positive()
      .default(0.002)
      .describe('self-test: relative error of throughput'),
  })
  .prefault({})
  .describe('how wrong the measuring client may be');

/** What a server may use, and how new what holds it in must be. */
export const sandbox = z
  .strictObject({
    memoryGb: z.number().positive().default(200),
    cpus: positive.default(32),
    pids: positive.default(4096),
    shmGb: z.number().positive().default(16),
    tmpGb: z
      .number()
      .positive()
      .default(16)
      .describe('/tmp: writable, nothing in it can be executed'),
    cacheGb: z
      .number()
      .positive()
      .default(32)
      .describe('/cache: writable, for code that is compiled at run time'),
    files: positive.default(65_536).describe('open files'),
    runtime: z
      .enum(['runc', 'runsc'])
      .default('runc')
      .describe(
        'what runs a server: runc, or gVisor (runsc), whose own kernel stands between a server and the host’s; the engine must know it by this name, with --network=host, and nothing else serves in its place',
      ),
    minimums: z
      .strictObject({
        kernel: versions.default(['5.15.0']),
        engine: versions.default(['28.0.0']),
        containerd: versions.default(['1.7.29', '2.0.7', '2.1.5']),
        runc: versions.default(['1.2.8', '1.3.3']),
        toolkit: versions.default(['1.19.1']),
        driver: versions.default(['535.309.01', '580.159.03', '595.71.05']),
      })
      .prefault({})
      .describe(
        'oldest versions that may run a round; lowering one is an override that every plan records',
      ),
  })
  .prefault({})
  .describe('what a server may use, and how new what holds it in must be');

/** How a winner's score becomes weights. */
export const plausibility = z
  .strictObject({
    leastTtftMs: z
      .number()
      .nonnegative()
      .default(1)
      .describe('no server of these tiers answers sooner'),
    mostTokensPerSecond: z
      .number()
      .positive()
      .default(10_000)
      .describe('no server of these tiers gives one answer faster'),
  })
  .prefault({})
  .describe('what an audit holds to be impossible: it names the trace');

export const emission = z
  .strictObject({
    fullPoolScore: z
      .number()
      .positive()
      .default(0.1)
      .describe('winner score that earns the whole pool'),
    winnerShare: share.default(0.8),
    runnerUpShare: share.default(0.2),
  })
  .prefault({});

/** When a challenger takes the throne. */
export const takeover = z
  .strictObject({
    margin: share
      .default(0.01)
      .describe('a challenger must beat the winner by this share of its score'),
    stop: z
      .array(z.number())
      .min(1)
      .max(9)
      .default([0.3, 1, 1.7, 2.4])
      .describe('Z after boots 1, 2, ... below which a challenger ends'),
    crown: z
      .array(z.number())
      .min(1)
      .max(9)
      .default([4.02, 3.64, 3.38, 3.2])
      .describe('Z after boots 2, 3, ... from which on it is crowned; as many as stop'),
    second: z.number().default(3).describe('Z after boot 1 that the second place asks for'),
    sdFloor: z
      .number()
      .positive()
      .default(0.002)
      .describe('least standard deviation of a difference of scores in one boot'),
    clipMads: z
      .number()
      .positive()
      .default(3)
      .describe('prompts count at most this many scaled MADs from the median'),
    varianceRatio: z
      .number()
      .min(1)
      .default(2)
      .describe("a boot's variance counts at most as this times the smallest"),
    withinFactor: z
      .number()
      .nonnegative()
      .default(1.25)
      .describe('weight of the spread between prompts in the scale'),
    spread: z
      .number()
      .positive()
      .default(2.5)
      .describe('a boot counts at most as the smallest one plus this times the scale'),
    calibrationFactor: z
      .number()
      .min(1)
      .default(1.215)
      .describe('by how much a calibrated standard deviation may be too small'),
    controlFactor: z
      .number()
      .nonnegative()
      .default(0.9)
      .describe('weight of the role controls beside the calibration'),
    controls: positive.default(20).describe('role controls that are remembered'),
    controlsLeast: positive.default(5).describe('fewer role controls say nothing'),
  })
  .prefault({})
  .describe('when a challenger takes the throne');
