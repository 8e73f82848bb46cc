import type { Log } from '../core/log.ts';

/** What a command gets from its command line. */
export type Invocation = {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly log: Log;
};
export type Run = (invocation: Invocation) => Promise<number>;
export type Command = {
  readonly about: string;
  readonly usage: string;
  readonly options: Readonly<Record<string, { type: 'string' | 'boolean' }>>;
  readonly load: () => Promise<Run>;
};

const text = { type: 'string' } as const;

/** Every command. Its code is loaded only when it runs: the chain library alone takes a second. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  demo: {
    about: 'the whole competition on this machine: miners, two rounds, weights on a chain, an audit, a page',
    usage: '[--seed HEX] [--out DIR] [--endpoint ws://… --accounts FILE]',
    options: { seed: text, out: text, endpoint: text, accounts: text },
    load: async () => (await import('./demo.ts')).run,
  },
  prompts: {
    about: 'the prompts of a block, one JSON object a line',
    usage: '--block-hash 0x… [--count N] [--boot B] [--corpus DIR]',
    options: { 'block-hash': text, count: text, corpus: text, boot: text },
    load: async () => (await import('./prompts.ts')).run,
  },
  eval: {
    about: 'measures one server against a baseline and judges it',
    usage: '--baseline URL --challenger URL [--incumbent URL] [--reference URL] --block-hash 0x… --out DIR [--corpus DIR]',
    options: { baseline: text, challenger: text, incumbent: text, reference: text, 'block-hash': text, out: text, corpus: text },
    load: async () => (await import('./eval.ts')).run,
  },
  judge: {
    about: 'judges the traces of an evaluation again; the same bytes come out',
    usage: 'DIR',
    options: {},
    load: async () => (await import('./judge.ts')).run,
  },
  'devnet chain': {
    about: 'a small chain on loopback with the names and rules of Subtensor, until SIGINT or SIGTERM',
    usage: '[--port P] [--miners N] [--seed HEX] [--block-ms MS] [--state FILE]',
    options: { port: text, miners: text, seed: text, 'block-ms': text, state: text },
    load: async () => (await import('./devnet-chain.ts')).run,
  },
  'devnet engine': {
    about: 'a tiny inference engine on loopback with the paths of vLLM, until SIGINT or SIGTERM',
    usage: '--variant plain|fast|speculative|int4|other-weights|sampled|early-eos|burst|role-chunk [--port P]',
    options: { variant: text, port: text },
    load: async () => (await import('./devnet-engine.ts')).run,
  },
};
