// The list of all commands with their options and help texts.
import type { Command } from './command.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** How a wallet is named, as btcli does. */
const WALLET = { 'wallet-path': text, 'wallet-name': text, 'wallet-hotkey': text } as const;

/** Every command. Its code is loaded only when it runs: the chain library alone takes a second. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  demo: {
    about:
      'the whole competition on this machine: miners, two rounds, weights on a chain, an audit, a page',
    usage: '[--seed HEX] [--out DIR] [--processes] [--endpoint ws://… --accounts FILE]',
    options: { seed: text, out: text, endpoint: text, accounts: text, processes: flag },
    load: async () => (await import('./demo-command.ts')).demoCommand,
  },
  prompts: {
    about: 'the prompts of a block, one JSON object a line',
    usage: '--block-hash 0x… [--count N] [--boot B] [--corpus DIR]',
    options: { 'block-hash': text, count: text, corpus: text, boot: text },
    load: async () => (await import('./prompts-command.ts')).promptsCommand,
  },
  eval: {
    about:
      'measures one server against a baseline and judges it; X is http://… of a running server, or image@sha256:…',
    usage:
      '--baseline X --challenger X [--incumbent X] [--reference X] --block-hash 0x… --out DIR [--corpus DIR]',
    options: {
      baseline: text,
      challenger: text,
      incumbent: text,
      reference: text,
      'block-hash': text,
      out: text,
      corpus: text,
    },
    load: async () => (await import('./eval-command.ts')).evalCommand,
  },
  judge: {
    about: 'judges the traces of an evaluation again; the same bytes come out',
    usage: 'DIR',
    options: {},
    load: async () => (await import('./judge-command.ts')).judgeCommand,
  },
  scan: {
    about: 'the plan that would be signed now: every submission on chain and what becomes of it',
    usage: '--validator SS58 [--endpoint ws://…] [--repo DIR] [--corpus DIR]',
    options: { validator: text, endpoint: text, repo: text, branch: text, corpus: text },
    load: async () => (await import('./scan-command.ts')).scanCommand,
  },
  publish: {
    about: 'signs and commits a plan, or with --round a judged round (key from CACHEON_HOTKEY)',
    usage:
      '[--endpoint ws://…] [--round BLOCK --traces DIR] [--repo DIR] [--branch NAME] [--corpus DIR] [--dry-run]',
    options: {
      endpoint: text,
      round: text,
      traces: text,
      repo: text,
      branch: text,
      corpus: text,
      'dry-run': flag,
    },
    load: async () => (await import('./publish-command.ts')).publishCommand,
  },
  evaluate: {
    about: 'measures one shard of a signed plan and leaves its traces in a folder',
    usage:
      '--validator SS58 --round BLOCK --out DIR [--shard N] [--engine-command PATH] [--repo DIR] [--corpus DIR]',
    options: {
      validator: text,
      round: text,
      out: text,
      shard: text,
      'engine-command': text,
      repo: text,
      branch: text,
      corpus: text,
    },
    load: async () => (await import('./evaluate-command.ts')).evaluateCommand,
  },
  doctor: {
    about:
      'whether this machine may run miners’ images: engine versions and the escape probes C01 to C20',
    usage: '--sandbox',
    options: { sandbox: flag },
    load: async () => (await import('./doctor-command.ts')).doctorCommand,
  },
  settle: {
    about:
      'sets the weights that follow from the ledger and reads them back (key from CACHEON_HOTKEY)',
    usage: '[--endpoint ws://…] [--repo DIR] [--branch NAME] [--dry-run]',
    options: { endpoint: text, repo: text, branch: text, 'dry-run': flag },
    load: async () => (await import('./settle-command.ts')).settleCommand,
  },
  submit: {
    about:
      'pays the fee and commits an image for a hotkey; run again, it finishes what was begun and never pays twice',
    usage:
      '--image I --digest sha256:… --wallet-name W [--wallet-hotkey H] [--wallet-path P] [--fee 0.1] [--network N] [--netuid U] [--endpoint ws://…]\n         [--reveal-blocks B] [--no-wait] [--replace] [--again] [--payment-tx 0x… --payment-block N] [--dry-run]',
    options: {
      ...WALLET,
      image: text,
      digest: text,
      fee: text,
      network: text,
      netuid: text,
      endpoint: text,
      'payment-tx': text,
      'payment-block': text,
      'reveal-blocks': text,
      'no-wait': flag,
      replace: flag,
      again: flag,
      'dry-run': flag,
    },
    load: async () => (await import('./submit-command.ts')).submitCommand,
  },
  status: {
    about:
      'where a submission stands: registration, commitment, payment, queue, verdicts, place; without a hotkey the whole queue',
    usage: '[HOTKEY] [--endpoint ws://…] [--repo DIR] [--validator SS58]',
    options: { endpoint: text, repo: text, branch: text, validator: text },
    load: async () => (await import('./status-command.ts')).statusCommand,
  },
  'wallet show': {
    about: 'addresses, public keys and key types of a btcli wallet; never a secret',
    usage: '--wallet-name W [--wallet-path P] [--wallet-hotkey H] [--sign TEXT]',
    options: { ...WALLET, sign: text },
    load: async () => (await import('./wallet-show-command.ts')).walletShowCommand,
  },
  'timelock seal': {
    about: 'seals hex from stdin for a drand round, as the chain reads it',
    usage: '--round N [--public-key HEX]',
    options: { round: text, 'public-key': text },
    load: async () => (await import('./timelock-command.ts')).timelockSealCommand,
  },
  'timelock open': {
    about: "opens a ciphertext from stdin with its round's signature",
    usage: '--signature HEX',
    options: { signature: text },
    load: async () => (await import('./timelock-command.ts')).timelockOpenCommand,
  },
  audit: {
    about:
      'derives every verdict, score, ranking and weight of a ledger again and names what is wrong',
    usage: '[--results DIR] [--chain ws://…] [--corpus DIR]',
    options: { results: text, chain: text, corpus: text },
    load: async () => (await import('./audit-command.ts')).auditCommand,
  },
  'devnet chain': {
    about:
      'a small chain on loopback with the names and rules of Subtensor, until SIGINT or SIGTERM',
    usage:
      '[--port P] [--miners N] [--seed HEX] [--block-ms MS] [--tempo BLOCKS] [--commit-reveal] [--wallets DIR] [--state FILE]',
    options: {
      port: text,
      miners: text,
      seed: text,
      'block-ms': text,
      tempo: text,
      'commit-reveal': flag,
      wallets: text,
      state: text,
    },
    load: async () => (await import('./devnet-chain-command.ts')).devnetChainCommand,
  },
  'devnet engine': {
    about: 'a tiny inference engine on loopback with the paths of vLLM, until SIGINT or SIGTERM',
    usage:
      '--variant plain|fast|speculative|int4|other-weights|sampled|early-eos|burst|role-chunk | --digest D [--port P]',
    options: { variant: text, digest: text, port: text },
    load: async () => (await import('./devnet-engine-command.ts')).devnetEngineCommand,
  },
};
