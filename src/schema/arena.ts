// Schema of arena.json, the file with every rule and number of a competition.
import { z } from 'zod';
import { firstDifference } from '../core/difference.ts';
import { CacheonError } from '../core/errors.ts';
import { QUICKNET_BEACON } from '../core/quicknet.ts';
import { decodeSs58 } from '../core/ss58.ts';
import {
  beacon,
  calibrationClasses,
  clock,
  deadlines,
  emission,
  leastVersion,
  limits,
  plausibility,
  sandbox,
  scoring,
  takeover,
} from './arena-parts.ts';
import { gate, honestLimits } from './gate-rules.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'wants 64 lower-case hex digits');
const strings = z.array(z.string()).default([]);
const count = z.number().int().nonnegative();
const positive = z.number().int().positive();
const share = z.number().min(0).max(1);
/** A path that stays where it begins: a stranger's ledger names one, and an auditor opens it. */
const inside = z
  .string()
  .regex(
    /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[\w./@-]{1,200}$/,
    'wants a path without .. and not absolute',
  );
const packageName = z
  .string()
  .regex(/^(?:@[\w-]+\/)?[\w-][\w.-]{0,100}$/, 'wants the name of a package');
const ss58 = z
  .string()
  .refine((text) => decodeSs58(text) !== null, 'wants an ss58 address of prefix 42');

/**
 * Every number of the competition (RULES "Arena: strict fields"). Unknown fields are refused: a
 * typo must not silently keep a default.
 */
export const arenaSchema = z.strictObject({
  $schema: z.string().optional().describe('path of the JSON Schema, for editors'),
  name: z.string().min(1).max(60).describe('name of the arena, in every record'),
  rules: z
    .literal(1)
    .describe('version of the formulas; a changed formula is a new version beside the old one'),
  leastVersion,
  network: z.enum(['finney', 'test', 'local']).describe('which chain'),
  netuid: count.max(65_535).describe('subnet number on that chain'),
  genesisHash: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .nullable()
    .describe('genesis hash the chain must have; null only for local chains'),
  model: z.strictObject({
    name: z.string().min(1).describe('the `model` field of every request'),
    path: z
      .string()
      .min(1)
      .refine((path) => !/^\/*$|(?:^|\/)\.\.(?:\/|$)/.test(path), 'wants a folder of its own')
      .describe('folder of the weights on the host, mounted read-only at /models'),
    eosTokenId: count.describe('id that ends an answer'),
    chatTemplate: z.literal('chatml').describe('how messages become a prompt'),
    systemMessage: z.string().describe('what the template says where no system message is given'),
  }),
  tokenizer: z
    .union([
      z.strictObject({ package: packageName, file: inside, sha256 }),
      z.strictObject({ file: inside.describe('from the repository root'), sha256 }),
    ])
    .describe("the model's own tokenizer: it counts every token"),
  corpus: z
    .union([
      z.literal('generated'),
      z.strictObject({
        name: z.string(),
        manifestSha256: sha256
          .nullable()
          .describe('null until a corpus is pinned: then no round runs'),
      }),
    ])
    .describe('where passages come from'),
  warmupPrompts: count.max(100).default(2).describe('unscored prompts at the start of every arm'),
  scoredPrompts: positive.max(100).default(10).describe('scored prompts of boot 1'),
  laterPrompts: positive.max(100).default(20).describe('scored prompts of every later boot'),
  inputTokens: positive
    .max(131_072)
    .default(6144)
    .describe('tokens of one prompt, counted with the tokenizer'),
  maxTokens: positive.max(32_768).default(512).describe('max_tokens of every request'),
  scoredLogprobs: z
    .boolean()
    .default(false)
    .describe('whether scored requests ask for logprobs (needed for the first-divergence gate)'),
  images: z.strictObject({
    baseline: z
      .string()
      .describe('image@sha256:… of the pinned vLLM; without a digest no round runs'),
    reference: z.string().describe('image@sha256:… of the vLLM that teacher-forces'),
    bases: z
      .array(z.string())
      .default([])
      .describe(
        'image@sha256:… of public engines that anybody may build on: their files are nobody’s own when copies are looked for, and their variables may stand',
      ),
    baseRepositories: z
      .array(z.string())
      .default([])
      .describe('repositories where no miner can push: a payload may name its base in one of them'),
    arguments: strings.describe('arguments of both'),
    referenceArguments: strings.describe('further ones of the reference: bounds on its memory'),
    environment: z
      .array(z.string())
      .default([])
      .describe(
        "NAME=value entries of LD_, NVIDIA_ and CUDA_ that a miner's image may carry beside those of the baseline's image",
      ),
  }),
  hardware: z
    .record(
      z.string(),
      z.strictObject({ gpus: positive, memoryGb: positive, models: z.array(z.string()) }),
    )
    .default({})
    .describe('hardware tiers; CACHEON_TIER names the one in use'),
  deadlines,
  startFactor: z
    .number()
    .positive()
    .default(2)
    .describe("a server may take this many times the baseline's start,"),
  startSlack: z.number().nonnegative().default(60).describe('and this many seconds more'),
  tooSlowFactor: z
    .number()
    .min(1)
    .default(3)
    .describe("a server ends where its answers took more than this times the baseline's"),
  limits,
  scoring,
  ...honestLimits,
  gate,
  driftLimit: z
    .number()
    .positive()
    .default(0.03)
    .describe('|last/first - 1| of the baseline in one boot'),
  clock,
  sandbox,
  takeover,
  calibration: z
    .record(z.string(), sha256)
    .default({})
    .describe('sha256 of calibration/<tier>.json beside this file, by hardware tier'),
  calibrationKey: ss58
    .nullable()
    .default(null)
    .describe('who signs calibrations; null: their sha256 alone counts'),
  calibrationClasses,
  roleControl: z
    .boolean()
    .default(true)
    .describe("whether the baseline also runs once a round in a challenger's slot"),
  emission,
  fee: z.number().min(0).max(1_000_000).default(0.1).describe('TAO for one submission; 0: none'),
  treasury: ss58
    .nullable()
    .describe('who is paid; while it is null, an arena with a fee takes no submission'),
  burnUid: count.max(65_535).describe('uid that takes what nobody earned'),
  timelock: z
    .boolean()
    .default(true)
    .describe('whether submit hides a commitment until its reveal round'),
  beacon,
  plausibility,
  armMinutes: z
    .number()
    .positive()
    .max(1440)
    .default(5)
    .describe('what one server takes, start and prompts: a plan is void after 1.5 times its sum'),
  shardEntries: positive.max(256).default(6).describe('challengers that one machine measures'),
  maxShards: positive
    .max(256)
    .default(4)
    .describe('machines that share the challengers of a round'),
  coldkeyEntries: positive.default(2).describe('challengers of one coldkey in a plan'),
  maxImageGb: z.number().positive().default(20).describe('compressed size of an image'),
  maxUnpackedGb: z.number().positive().default(80).describe('size of an image once unpacked'),
  maxOwnFiles: positive
    .default(131_072)
    .describe('files of an image that the baseline does not have'),
  copyContainment: share
    .default(0.9)
    .describe(
      "an image is a copy where this share of the earlier one's own files, by weight, is in it, and of its own in the earlier one",
    ),
  loopbackImages: z
    .boolean()
    .default(false)
    .describe('whether images may come from a registry on loopback (tests)'),
});

export type Arena = z.infer<typeof arenaSchema>;

/** What measuring and judging one server needs of an arena. */
export type MeasuringRules = Pick<
  Arena,
  | 'network'
  | 'maxTokens'
  | 'scoredLogprobs'
  | 'deadlines'
  | 'limits'
  | 'scoring'
  | 'honestP999Nats'
  | 'honestNoiseNats'
  | 'gate'
  | 'driftLimit'
  | 'startFactor'
  | 'startSlack'
  | 'tooSlowFactor'
  | 'clock'
> & { readonly model: Pick<Arena['model'], 'name' | 'eosTokenId'> };

/** Fields of an older draft of the rules, and what took their place. */
const GONE: Readonly<Record<string, string>> = {
  boots: 'takeover.stop and takeover.crown say how many boots there are',
  bootSd: 'the calibration of the tier and takeover.sdFloor say how boots differ',
  takeoverMargin: 'takeover.margin is the share alone: 0.01 in place of 1.01',
  winnerInfraBar: 'nothing is compared with an old score any more: drop it',
  winnerInfraLoss: 'only what is an incumbent’s own doing counts against it: drop it',
  planBlocks: 'armMinutes says how long a plan may take',
  shards: 'shardEntries and maxShards say how challengers are shared out',
  stallChunks: 'scoring.ttftWindow and scoring.ttftRank tell the TTFT now',
  stallRatio: 'scoring.ttftWindow and scoring.ttftRank tell the TTFT now',
  burstTokens: 'scoring.ttftWindow and scoring.ttftRank tell the TTFT now',
};

/** A wrong arena file, prompt request or plan input. */
export class ArenaError extends CacheonError<'BAD_ARENA'> {}

/**
 * Checks an arena file's JSON and fills in the defaults. Throws {@link ArenaError} with the path of
 * the first fault.
 */
export function parseArena(value: unknown, source: string): Arena {
  const parsed = arenaSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const where = issue.path.length > 0 ? issue.path.join('.') : 'the top level';
    const gone = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => GONE[key]) : [];
    const hint = gone.find((text) => text !== undefined);
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `${source}: ${where}: ${issue.message}`,
      hint ?? 'compare with .github/arena.schema.json, which lists every field',
    );
  }
  const arena = parsed.data;
  const { stop, crown } = arena.takeover;
  if (stop.length !== crown.length)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `${source}: takeover: ${stop.length} values of stop, ${crown.length} of crown`,
      'each boot but the last has one stop, each but the first one crown',
    );
  if (arena.network !== 'local' && arena.genesisHash === null) {
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `${source}: genesisHash: ${arena.network} needs its genesis hash`,
      'pin the genesis hash of the network',
    );
  }
  if (arena.network !== 'local' && firstDifference(arena.beacon, QUICKNET_BEACON) !== null)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `${source}: beacon: ${arena.network} draws its seeds from drand quicknet, 60 seconds after the anchor`,
      'leave the field out; only a local chain may name another beacon',
    );
  return arena;
}

/** The fee in rao (1 TAO = 1e9 rao). */
export function feeRao(arena: Arena): bigint {
  return BigInt(Math.round(arena.fee * 1e9));
}

/** The JSON Schema that editors use for arena.json. */
export function arenaJsonSchema(): unknown {
  return z.toJSONSchema(arenaSchema, { io: 'input' });
}
