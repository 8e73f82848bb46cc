// The list of all commands with their options and help texts.
import type { Command } from './command.ts';
import {
  ENDPOINT,
  CORPUS,
  LEDGER,
  PASSWORDS,
  WALLET,
  DRY_RUN,
  SEED,
  BLOCK_HASH,
  SERVER,
  READER_VARIABLES,
  VALIDATOR_VARIABLES,
} from './option-specs.ts';
import { VALIDATOR_COMMANDS } from './validator-commands.ts';

/** What the commands of one first word are for. */
export const GROUPS: Readonly<Record<string, string>> = {
  wallet: 'a btcli wallet: its addresses',
  timelock: 'sealed texts that open with a drand round',
  devnet: 'a chain and engines on loopback, to try everything with',
  arena: 'the rules of a competition: pins images, weights and corpus',
};

/** Every command. Its code is loaded only when it runs: the chain library alone takes a second. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  demo: {
    about:
      'the whole competition on this machine: miners, two rounds, weights on a chain, an audit, a page',
    options: {
      seed: ['HEX', 'repeats prompts, tokens and gate verdicts; at most 32 bytes of hex'],
      out: ['DIR', 'where ledger and page go (default: a temporary folder)'],
      processes: [null, 'runs the servers as processes, also where Docker answers'],
      endpoint: ['URL', 'a local chain of yours in place of the embedded one'],
      accounts: ['FILE', 'JSON with the dev accounts of that chain'],
    },
    examples: ['cacheon demo --seed 2a', 'cacheon demo --json | jq .weights'],
    load: async () => (await import('./demo-command.ts')).demoCommand,
  },
  prompts: {
    about: 'the prompts of a seed, one JSON object a line',
    options: {
      seed: SEED,
      'block-hash': BLOCK_HASH,
      shard: ['S', 'of which shard, counted from 0 (default: 0)'],
      count: ['N', 'how many prompts, warm-ups among them (default: as many as the arena asks)'],
      boot: ['B', 'of which boot, counted from 1 (default: 1)'],
      corpus: CORPUS,
    },
    examples: ['cacheon prompts --seed 0x… --arena src/devnet/arena.json | head -1'],
    load: async () => (await import('./prompts-command.ts')).promptsCommand,
  },
  eval: {
    about: 'measures one server against a baseline and judges it',
    options: {
      baseline: ['X', SERVER],
      challenger: ['X', SERVER],
      incumbent: ['X', `the winner to compare with: ${SERVER}`],
      reference: ['X', `the server that teacher-forces (default: the baseline): ${SERVER}`],
      seed: SEED,
      'block-hash': BLOCK_HASH,
      out: ['DIR', 'a new folder for plan, traces and verdict'],
      corpus: CORPUS,
    },
    examples: [
      'cacheon eval --baseline http://127.0.0.1:8000 --challenger http://127.0.0.1:8001 --seed 0x… --out out',
    ],
    load: async () => (await import('./eval-command.ts')).evalCommand,
  },
  judge: {
    about: 'judges the traces of an evaluation, or of a round in a ledger, again',
    argument: ['<DIR>', 'folder that eval left, or results/<validator>/rounds/<block>'],
    options: {},
    examples: ['cacheon judge results/5G7H…/rounds/6500000'],
    load: async () => (await import('./judge-command.ts')).judgeCommand,
  },
  check: {
    about: 'what a validator would refuse of an image or a server, before a miner pays',
    argument: ['<TARGET>', 'image with a tag or sha256 digest, or http://… of a running server'],
    options: {
      run: [null, 'also reads, fetches and starts the image confined, and asks sample prompts'],
      baseline: ['X', `the whole evaluation against this baseline: ${SERVER}`],
      reference: ['X', `with --baseline: who teacher-forces (default: the baseline)`],
      base: ['image@sha256:…', 'public engine that the image builds on, as submit names it'],
      hotkey: ['SS58', 'whose image it is: earlier ones of the same hotkey are no originals'],
      count: ['N', 'scored prompts of the sample (default: 2)'],
      out: ['DIR', 'with --baseline: a new folder for the evidence (default: a temporary one)'],
      results: ['DIR', 'ledgers to compare with (default: the branch `ledger` of this clone)'],
      repo: LEDGER.repo,
      corpus: CORPUS,
    },
    examples: [
      'cacheon check ghcr.io/you/server:v1',
      'cacheon check ghcr.io/you/server@sha256:… --run',
      'cacheon check http://127.0.0.1:8000 --baseline http://127.0.0.1:8001',
    ],
    load: async () => (await import('./check-command.ts')).checkCommand,
  },
  submit: {
    about:
      'pays the fee and commits an image for a hotkey; run again, it finishes what was begun and never pays twice',
    options: {
      image: ['NAME', 'registry and path of the image, with or without a tag'],
      digest: ['sha256:…', 'digest of its manifest or index'],
      base: ['image@sha256:…', 'public engine that the image builds on'],
      ...WALLET,
      fee: ['TAO', "must equal the arena's fee where it is given"],
      network: ['NAME', "must equal the arena's network where it is given"],
      netuid: ['N', "must equal the arena's subnet where it is given"],
      endpoint: ENDPOINT,
      'reveal-blocks': ['N', 'blocks until a sealed commitment opens (default: 60)'],
      'no-wait': [null, 'does not wait for the reveal'],
      replace: [null, 'replaces a commitment that still stands, sealed or plain'],
      again: [null, 'enters the same image once more, with a new payment'],
      'payment-tx': ['0x…', 'a payment made before, by its extrinsic hash'],
      'payment-block': ['N', 'and by its block'],
      yes: [
        null,
        'does not ask before it pays (so do --no-prompt and --json, and a local chain without a terminal)',
      ],
      'no-prompt': [null, 'the same, as btcli calls it'],
      unchecked: [null, 'does not look at the image first (cacheon check does)'],
      results: [
        'DIR',
        'ledgers to look for copies in (default: the branch `ledger` of this clone)',
      ],
      repo: LEDGER.repo,
      'dry-run': DRY_RUN,
    },
    examples: ['cacheon submit --image ghcr.io/you/server@sha256:… --wallet-name W --dry-run'],
    environment: PASSWORDS,
    load: async () => (await import('./submit-command.ts')).submitCommand,
  },
  status: {
    about:
      'where a submission stands: registration, commitment, payment, queue, verdicts, place; without a hotkey the whole queue',
    argument: ['[HOTKEY]', 'address of a hotkey, or its first 6 characters'],
    options: {
      endpoint: ENDPOINT,
      ...LEDGER,
      validator: ['SS58', 'one validator (default: every ledger of the checkout)'],
    },
    variables: READER_VARIABLES,
    examples: ['cacheon status', 'cacheon status 5CTU2xKq --json'],
    load: async () => (await import('./status-command.ts')).statusCommand,
  },
  'wallet show': {
    about: 'addresses, public keys and key types of a btcli wallet; never a secret',
    options: { ...WALLET, sign: ['TEXT', 'signs a text, to prove that the key opens'] },
    environment: PASSWORDS,
    examples: ['cacheon wallet show --wallet-name W --wallet-hotkey H'],
    load: async () => (await import('./wallet-show-command.ts')).walletShowCommand,
  },
  'timelock seal': {
    about: 'seals hex from stdin for a drand round, as the chain reads it',
    options: {
      round: ['N', 'drand round after which it opens'],
      'public-key': ['HEX', "another beacon's key (default: quicknet's)"],
    },
    examples: ['echo 0x6e657773 | cacheon timelock seal --round 1000'],
    load: async () => (await import('./timelock-command.ts')).timelockSealCommand,
  },
  'timelock open': {
    about: "opens a ciphertext from stdin with its round's signature",
    options: { signature: ['HEX', "the round's signature, 48 bytes"] },
    examples: ['echo 0x… | cacheon timelock open --signature 0x…'],
    load: async () => (await import('./timelock-command.ts')).timelockOpenCommand,
  },
  audit: {
    about:
      'derives every verdict, score, ranking and weight of a ledger again and names what is wrong',
    argument: [
      '[DIR]',
      'holds one folder for each validator (default: the branch `ledger` of this clone)',
    ],
    options: {
      results: ['DIR', 'another name of DIR'],
      ...LEDGER,
      chain: ['URL', 'compares with the chain too; an archive node tells more'],
      witness: [
        'DIR',
        'another clone, or its results folder: finds two histories of one validator',
      ],
      'allow-unchecked': [null, 'passes also where something could not be checked'],
      corpus: CORPUS,
    },
    examples: ['cacheon audit', 'cacheon audit --results /tmp/demo/results --json'],
    variables: READER_VARIABLES,
    load: async () => (await import('./audit-command.ts')).auditCommand,
  },
  rerun: {
    about: 'repeats a recorded round on this host and compares: anybody may, and needs no key',
    argument: ['<BLOCK>', "block of the round's plan"],
    options: {
      validator: ['SS58', 'whose round (default: the only one in the ledger)'],
      teacher: [
        null,
        'measures nothing: forces the recorded answers again, which needs only the model',
      ],
      reference: ['X', `with --teacher: the reference in place of the arena's: ${SERVER}`],
      out: ['DIR', 'a new folder for what is measured (default: results/reruns/BLOCK/TIME)'],
      ...LEDGER,
      corpus: CORPUS,
      'engine-command': ['PATH', 'starts tiny engines as processes, on development chains only'],
    },
    examples: [
      'cacheon rerun 6500000',
      'cacheon rerun 6500000 --teacher --reference http://127.0.0.1:8000',
    ],
    variables: READER_VARIABLES,
    load: async () => (await import('./rerun-command.ts')).rerunCommand,
  },
  why: {
    about:
      'everything that decided the last verdict on a submission, from the ledger alone; without a key every submission',
    argument: [
      '[KEY]',
      'a submission (HOTKEY:BLOCK), a hotkey or its beginning; without one it lists all of them',
    ],
    second: [
      '[DIR]',
      'holds one folder for each validator (default: the branch `ledger` of this clone)',
    ],
    options: {
      results: ['DIR', 'another name of DIR'],
      validator: ['SS58', 'only the ledger of this validator'],
      round: ['BLOCK', 'another round than the last that decided it'],
      explain: [null, 'also tells what the words mean, with the headings of their rules'],
      ...LEDGER,
    },
    examples: [
      'cacheon why',
      'cacheon why 5CTU2xKq',
      'cacheon why 5CTU2xKq:90 /tmp/demo/ledger/results',
    ],
    variables: READER_VARIABLES,
    load: async () => (await import('./why-command.ts')).whyCommand,
  },
  'devnet chain': {
    about:
      'a small chain on loopback with the names and rules of Subtensor, until SIGINT or SIGTERM',
    options: {
      port: ['P', 'port on loopback (default: a free one)'],
      miners: ['N', 'registered miners (default: 4)'],
      seed: ['HEX', 'repeats block hashes and times'],
      'block-ms': ['MS', 'builds a block by itself this often'],
      tempo: ['BLOCKS', 'blocks of an epoch'],
      'commit-reveal': [null, 'weights are committed first and revealed later'],
      wallets: ['DIR', 'writes the dev keys as btcli wallets there'],
      state: ['FILE', 'keeps the chain in a file over restarts'],
    },
    examples: ['cacheon devnet chain --port 9944 --wallets /tmp/wallets'],
    load: async () => (await import('./devnet-chain-command.ts')).devnetChainCommand,
  },
  'devnet engine': {
    about: 'a tiny inference engine on loopback with the paths of vLLM, until SIGINT or SIGTERM',
    options: {
      variant: ['NAME', 'which engine; a wrong name lists them'],
      digest: ['sha256:…', 'or the digest that stands for one'],
      list: [null, 'prints every engine with the image and digest that stand for it, and ends'],
      port: ['P', 'port on loopback (default: a free one)'],
    },
    examples: ['cacheon devnet engine --variant fast --port 8001'],
    load: async () => (await import('./devnet-engine-command.ts')).devnetEngineCommand,
  },
  completion: {
    about: 'prints what a shell reads to complete commands and options',
    argument: ['<SHELL>', 'bash, zsh or fish'],
    options: {},
    examples: [
      'source <(cacheon completion bash)',
      'cacheon completion fish > ~/.config/fish/completions/cacheon.fish',
    ],
    load: async () => (await import('./completion-command.ts')).completionOf(COMMANDS),
  },
  ...Object.fromEntries(
    Object.entries(VALIDATOR_COMMANDS).map(([name, command]) => [
      name,
      { ...command, variables: VALIDATOR_VARIABLES },
    ]),
  ),
};
