// The commands of a validator: each stage by itself, all of them in a loop, and what its machine needs.
import type { Command } from './command.ts';
import {
  CORPUS,
  MEASURING,
  RUNNING,
  SIGNING,
  ENDPOINT,
  LEDGER,
  DRY_RUN,
  SEED,
  BLOCK_HASH,
} from './option-specs.ts';

export const VALIDATOR_COMMANDS: Readonly<Record<string, Command>> = {
  scan: {
    about: 'the plan that would be signed now: every submission on chain and what becomes of it',
    options: {
      validator: ['SS58', "address of the validator's hotkey"],
      explain: [
        null,
        'and what it would take: machine-minutes, and money by CACHEON_MAX_HOURLY_PRICE (cents)',
      ],
      endpoint: ENDPOINT,
      ...LEDGER,
      corpus: CORPUS,
    },
    examples: ['cacheon scan --validator 5G7H… --explain'],
    load: async () => (await import('./scan-command.ts')).scanCommand,
  },
  publish: {
    about:
      'signs, commits and anchors a plan, or with --round a judged round (key from CACHEON_HOTKEY)',
    options: {
      endpoint: ENDPOINT,
      round: ['BLOCK', "judges and signs the round of this plan's block"],
      traces: ['DIR', 'folder of its draw and traces (default: out/BLOCK)'],
      void: ['REASON', 'with --round: ends the plan without a round, for this reason'],
      ...LEDGER,
      corpus: CORPUS,
      'dry-run': DRY_RUN,
    },
    examples: ['cacheon publish', 'cacheon publish --round 6500000 --traces out/6500000'],
    environment: SIGNING,
    load: async () => (await import('./publish-command.ts')).publishCommand,
  },
  draw: {
    about: 'waits for the pulse after a plan’s anchor, verifies it and prints the seed',
    options: {
      validator: ['SS58', 'address whose ledger holds the plan'],
      round: ['BLOCK', 'block of the plan'],
      out: ['DIR', 'folder of its traces, for draw.json'],
      endpoint: ENDPOINT,
      ...LEDGER,
    },
    examples: ['cacheon draw --round 6500000 --out out/6500000'],
    load: async () => (await import('./draw-command.ts')).drawCommand,
  },
  evaluate: {
    about: 'measures one shard of a signed plan and leaves its traces in a folder',
    options: {
      validator: ['SS58', 'address whose ledger holds the plan'],
      round: ['BLOCK', 'block of the plan'],
      out: ['DIR', 'folder for the traces, with the draw.json of cacheon draw'],
      shard: ['N', 'which shard (default: 0)'],
      'engine-command': ['PATH', 'starts tiny engines as processes, on development chains only'],
      ...LEDGER,
      corpus: CORPUS,
    },
    examples: ['cacheon evaluate --round 6500000 --out out/6500000'],
    environment: MEASURING,
    load: async () => (await import('./evaluate-command.ts')).evaluateCommand,
  },
  calibrate: {
    about:
      'measures honest and altered servers again and again: limits of the gate for a hardware tier',
    options: {
      tier: ['NAME', 'hardware tier of this machine'],
      out: ['DIR', 'where <tier>.json and <tier>.runs.json go'],
      runs: ['N', 'boots, each with prompts of its own (default: 40)'],
      classes: ['A,B', 'these classes of the arena only'],
      from: ['FILE', 'measures nothing: computes again from a <tier>.runs.json'],
      sign: [
        null,
        'signs it with the key in CACHEON_HOTKEY, as an arena with a calibrationKey wants',
      ],
      seed: SEED,
      'block-hash': BLOCK_HASH,
      corpus: CORPUS,
      'engine-command': ['PATH', 'starts tiny engines as processes, on development chains only'],
    },
    examples: ['cacheon calibrate --tier h200-8 --seed 0x… --out .github/calibration'],
    load: async () => (await import('./calibrate-command.ts')).calibrateCommand,
  },
  doctor: {
    about:
      'what a round needs, a line each with its mend: arena, chain, hotkey, ledger, Docker, GPUs, disk',
    options: {
      sandbox: [null, 'runs the escape probes C01 to C20 instead (C16 is listed as not run)'],
      validator: ['SS58', "address of the validator's hotkey (default: that of CACHEON_HOTKEY)"],
      endpoint: ENDPOINT,
      ...LEDGER,
      corpus: CORPUS,
    },
    examples: ['CACHEON_TIER=A-H200 cacheon doctor --validator 5C…', 'cacheon doctor --sandbox'],
    load: async () => (await import('./doctor-command.ts')).doctorCommand,
  },
  'arena pin': {
    about:
      'fills in what an arena file leaves open: image digests, hashes of the weights, the corpus',
    options: {
      check: [
        null,
        'changes nothing: says what is open or has moved, and exits with 1 where something is',
      ],
      weights: [
        'OWNER/NAME',
        'the model on a hub (HF_ENDPOINT, HF_TOKEN): writes the sha256 of its files',
      ],
      manifests: ['DIR', 'where that list goes (default: .github/weights)'],
      corpus: ['DIR', 'folder of the corpus, with its manifest.json'],
      fetch: [
        null,
        'fetches PG19 into that folder first (its test split, a hundred books), or goes on with it',
      ],
    },
    examples: [
      'cacheon arena pin --check',
      'cacheon arena pin --corpus corpus/pg19 --fetch',
      'cacheon arena pin --weights Qwen/Qwen2.5-72B-Instruct',
    ],
    load: async () => (await import('./arena-pin-command.ts')).arenaPinCommand,
  },
  init: {
    about:
      'the settings of your repository on GitHub, a line each with its mend (token from GITHUB_TOKEN)',
    options: {
      repository: ['OWNER/NAME', 'your fork (default: GITHUB_REPOSITORY)'],
      apply: [null, 'makes those that a program may make'],
    },
    examples: [
      'GITHUB_TOKEN=… cacheon init --repository you/cacheon',
      'GITHUB_TOKEN=… CACHEON_TIER=A-H200 cacheon init --repository you/cacheon --apply',
    ],
    load: async () => (await import('./init-command.ts')).initCommand,
  },
  settle: {
    about:
      'sets the weights that follow from the ledger and reads them back (key from CACHEON_HOTKEY)',
    options: { endpoint: ENDPOINT, ...LEDGER, 'dry-run': DRY_RUN },
    examples: ['cacheon settle --dry-run'],
    environment: SIGNING,
    load: async () => (await import('./settle-command.ts')).settleCommand,
  },
  recover: {
    about: 'brings a lost ledger back from any clone, proven by the anchor on chain',
    options: {
      from: ['CLONE', 'path or address of a repository with the ledger, or a results folder'],
      validator: ['SS58', 'whose ledger'],
      endpoint: ENDPOINT,
      ...LEDGER,
      'dry-run': DRY_RUN,
    },
    examples: ['cacheon recover --from https://github.com/you/cacheon --validator 5G7H…'],
    load: async () => (await import('./recover-command.ts')).recoverCommand,
  },
  run: {
    about:
      'all stages in a loop on a host that is always on, without GitHub (key from CACHEON_HOTKEY)',
    options: {
      interval: ['SECONDS', 'from the start of one pass to the next (default: 600)'],
      once: [null, 'one pass, then ends'],
      home: [
        'DIR',
        'scratch of what is measured and not in the ledger yet (default: ~/.cache/cacheon/run)',
      ],
      endpoint: ENDPOINT,
      ...LEDGER,
      corpus: CORPUS,
      'engine-command': ['PATH', 'starts tiny engines as processes, on development chains only'],
    },
    examples: [
      'CACHEON_TIER=A-H200 cacheon run --branch ledger',
      'CACHEON_GPU_SSH=cacheon@gpu.example:22 cacheon run --branch ledger',
    ],
    environment: { ...SIGNING, ...MEASURING, ...RUNNING },
    load: async () => (await import('./run-command.ts')).runCommand,
  },
};
