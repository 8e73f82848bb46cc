// The rooms of src/, what each is for, and which others it may import. Lint enforces this list,
// scripts/architecture.ts draws it from the real imports.

/** Rooms in the order in which they build on each other, tests left out. */
export const ROOMS = {
  core: { for: 'errors, ports (clock, log, tokenizer), bytes, hash, JSON, generator', may: [] },
  node: { for: 'what several rims share: clock, atomic files, Docker connection', may: ['core'] },
  schema: {
    for: 'every document that leaves a process, once: arena, trace, records, report, paths',
    may: ['core'],
  },
  beacon: { for: 'pulses: BLS signatures, arithmetic of their rounds', may: ['core'] },
  prompts: { for: 'corpus, sampler, suites of a boot', may: ['core', 'schema', 'node'] },
  answers: {
    for: 'what a server said: events to text and token ids',
    may: ['core', 'schema'],
  },
  chain: {
    for: 'the chain as a port, codecs, sealing, delivery of extrinsics',
    may: ['core', 'schema', 'node', 'beacon'],
  },
  images: {
    for: 'what an image is, which are refused, which are copies',
    may: ['core', 'schema', 'node'],
  },
  measure: {
    for: 'start, ask, stamp and teacher-force one server',
    may: ['core', 'schema', 'node', 'answers'],
  },
  ledger: { for: 'signed, chained records and evidence', may: ['core', 'schema', 'node'] },
  sandbox: {
    for: 'holding a server in: options, seccomp, escape probes, GPUs',
    may: ['core', 'schema', 'node', 'measure'],
  },
  arena: {
    for: 'who takes part, who wins, who earns what',
    may: ['core', 'schema', 'images', 'ledger'],
  },
  judge: {
    for: 'what a score is: timing, gate, boots, a round; no I/O at all',
    may: ['core', 'schema', 'prompts', 'answers', 'ledger', 'arena'],
  },
  pipeline: {
    for: 'the stages: scan, publish, evaluate, settle, submit, audit',
    may: [
      ...['core', 'schema', 'beacon', 'prompts', 'answers', 'chain'],
      ...['images', 'measure', 'ledger', 'arena', 'judge'],
    ],
  },
  site: { for: 'records to a page', may: ['core', 'schema'] },
  github: { for: 'artifacts, summaries, dispatch of workflows', may: ['core', 'schema', 'node'] },
  compose: {
    for: 'wiring of ports to this machine, for actions and commands alike',
    may: [
      ...['core', 'node', 'schema', 'beacon', 'prompts', 'answers', 'chain', 'images'],
      ...['measure', 'ledger', 'sandbox', 'arena', 'judge', 'pipeline'],
    ],
  },
  devnet: {
    for: 'the embedded chain, tiny engines and cheats, the demo',
    may: [
      ...['core', 'node', 'schema', 'beacon', 'prompts', 'answers', 'chain', 'images'],
      ...['measure', 'ledger', 'sandbox', 'arena', 'judge', 'pipeline', 'site', 'compose'],
    ],
  },
  cli: {
    for: 'one file a command',
    may: [
      ...['core', 'node', 'schema', 'beacon', 'prompts', 'answers', 'chain', 'images'],
      ...['measure', 'ledger', 'sandbox', 'arena', 'judge', 'pipeline', 'compose', 'devnet'],
    ],
  },
  testing: {
    for: 'what only tests use: act, other SDKs, servers that misbehave',
    may: [
      ...['core', 'node', 'schema', 'beacon', 'prompts', 'answers', 'chain', 'images'],
      ...['measure', 'ledger', 'sandbox', 'arena', 'judge', 'pipeline', 'compose', 'devnet'],
    ],
  },
};

/** Rooms that an action's main.ts may import: no command, no devnet, no test. */
export const ACTIONS_MAY = Object.keys(ROOMS).filter(
  (room) => !['cli', 'devnet', 'testing'].includes(room),
);

/** Names that may stand in several folders; any other file name is unique. */
export const SHARED_NAMES = ['errors.ts', 'index.ts', 'main.ts', 'inputs.ts'];

/** The room of a path under the repository; null outside src/. */
export function roomOf(path) {
  return /^src\/([a-z]+)\//.exec(path)?.[1] ?? null;
}

/** Whether a file may touch the outside world: every other one takes ports and returns values. */
export function mayTouchTheWorld(path) {
  return (
    /^src\/(?:.*\/)?io\//.test(path) ||
    /^src\/(?:node|compose|cli|devnet|testing)\//.test(path) ||
    !path.startsWith('src/')
  );
}
