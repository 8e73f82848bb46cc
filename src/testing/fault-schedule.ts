// Publishing, anchoring and settling under faults from a seed: lost answers, kills, failed commits.
import type { ChainReader } from '../chain/chain.ts';
import { ChainError } from '../chain/errors.ts';
import { weightsEntropy } from '../chain/io/entropy.ts';
import { CacheonError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { Prng } from '../core/prng.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { LedgerError } from '../ledger/errors.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { openPlan } from '../ledger/plans.ts';
import { recordsOf } from '../ledger/read.ts';
import { knownDraw } from '../pipeline/draw/draw.ts';
import { predecessorOf } from '../pipeline/plan-life.ts';
import { publishPlan, publishVoid } from '../pipeline/publish.ts';
import { settleAndAnchor } from '../pipeline/settle/settle-and-anchor.ts';
import { readFaults } from './check-bench.ts';
import { INVARIANTS } from './invariants.ts';
import { devnetBeacon } from './anchor-fixture.ts';
import { MemoryChain } from './memory-chain.ts';
import { memoryStore } from './memory-store.ts';
import { planDraftAt } from './plan-fixture.ts';
import { testArena } from './test-arena.ts';

/** The process is gone: nothing after this line runs. */
class Killed extends Error {}

const cut = () => new ChainError('UNREACHABLE', 'infra', 'the connection is cut', 'try again');
const full = () => new LedgerError('GIT_FAILED', 'infra', 'no space left on device', 'make room');

/** What may happen to a call, and how often of a thousand. */
const DEEDS = [
  ['refuse', 30],
  ['lose', 30],
  ['kill', 25],
  ['die', 25],
] as const;

/** What happens to a call, by a number below a thousand; mostly nothing. */
function deedAt(number: number): (typeof DEEDS)[number][0] | undefined {
  let from = 0;
  for (const [deed, weight] of DEEDS) {
    from += weight;
    if (number < from) return deed;
  }
  return undefined;
}

/** A port whose calls fail as numbers say: before they do anything, or after. */
function faulty<T extends object>(
  port: T,
  draw: Prng,
  fail: () => Error,
  left: { faults: number },
): T {
  return new Proxy(port, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const deed = left.faults > 0 ? deedAt(draw.below(1000)) : undefined;
        if (deed) left.faults--;
        if (deed === 'refuse') throw fail();
        if (deed === 'kill') throw new Killed('killed before');
        const result: unknown = await Reflect.apply(value, target, args);
        if (deed === 'lose') throw fail();
        if (deed === 'die') throw new Killed('killed after');
        return result;
      };
    },
  });
}

const pair = devPair('//Validator//hot');
const CYCLES = 2;
/** Runs that may come to nothing before a schedule counts as stuck. */
const MOST_RUNS = 200;

/** One validator under one schedule. */
class Schedule {
  readonly #draw: Prng;
  readonly #left: { faults: number };
  /** Records that ever were on record, by path. */
  readonly #landed = new Map<string, string>();
  readonly chain = new MemoryChain(pair.address);
  readonly store = memoryStore(pair.address);

  constructor(number: number, faults: number) {
    this.#draw = new Prng(sha256(`faults ${number}`), 'schedule');
    this.#left = { faults };
  }

  /** Ports of a new process: nothing is remembered but what is on record and on chain. */
  #ports() {
    const chain = this.chain as unknown as ChainReader;
    const draw = this.#draw;
    const left = this.#left;
    return {
      chain: faulty(chain, draw, cut, left),
      wallet: faulty(this.chain.wallet(), draw, cut, left),
      ledger: new OwnLedger(faulty(this.store, draw, full, left), signerOf(pair)),
      operator: this.operator,
      clock: this.chain.clock,
      log: silentLog,
      entropy: weightsEntropy,
    };
  }

  get operator() {
    const { address: validator } = pair;
    return { validator, tree: 'unknown', node: 'v24', run: null, host: {}, tier: 'test' };
  }

  get arena() {
    return { ...testArena(pair.address), netuid: 2, beacon: devnetBeacon };
  }

  /** One run of everything that is due, as a cron would start it. */
  async #run(): Promise<void> {
    const ports = this.#ports();
    const { chain, ledger } = ports;
    const now = await ledger.read();
    const head = await chain.finalizedHead();
    const made = planDraftAt(pair.address, head.number, 1);
    const { genesisHash } = await chain.identity();
    const predicate = {
      ...made.predicate,
      network: { ...made.predicate.network, genesisHash, netuid: 2 },
      block: head,
      follows: predecessorOf(now, { block: head, tree: 'unknown' })?.sha256 ?? null,
    };
    if (recordsOf(now, 'void').length < CYCLES) {
      const draft = { ...made, predicate };
      const { plan } = await publishPlan(ports, this.arena, this.operator, draft);
      await ports.clock.sleep(60_000);
      const measured = await ledger.read();
      const open = openPlan(measured);
      if (plan && open) {
        const draw = await knownDraw(ports, measured, open);
        await publishVoid(ports, open, { reason: 'a schedule', draw });
      }
    }
    await settleAndAnchor(ports, this.arena, this.operator, false);
  }

  /** Whether a run came to its end. A fault of the world ends it; any other error is a defect. */
  async attempt(): Promise<boolean> {
    try {
      await this.#run();
      return true;
    } catch (error) {
      if (!(error instanceof Killed) && !(error instanceof CacheonError)) throw error;
      return false;
    } finally {
      const { records } = readFaults(pair.address, this.store.files());
      for (const { path, sha256 } of records) this.#landed.set(path, sha256);
      // F14: what is not final yet may be undone.
      if (this.#left.faults > 0 && this.#draw.below(8) === 0) {
        this.#left.faults--;
        this.chain.reorganise();
      }
      this.chain.advance(3);
    }
  }

  /** Which invariants are broken afterwards, and how. */
  async faults(): Promise<string[]> {
    const { records, faults } = readFaults(pair.address, this.store.files());
    const after = {
      ...{ validator: pair.address, records, faults },
      ...{ landed: this.#landed, chain: this.chain },
    };
    const found: string[] = [];
    for (const { id, broken } of INVARIANTS)
      found.push(...(await broken(after)).map((what) => `${id}: ${what}`));
    if (recordsOf({ records }, 'void').length !== CYCLES) found.push('not all plans were made');
    return found;
  }
}

/** Plays the schedule of a number to its end; gives what is wrong then, and how many runs it took. */
export async function playSchedule(
  number: number,
): Promise<{ readonly faults: string[]; readonly runs: number }> {
  const schedule = new Schedule(number, 4 + (number % 20));
  let runs = 0;
  for (let clean = 0; clean < 3 && runs < MOST_RUNS; runs++)
    clean = (await schedule.attempt()) ? clean + 1 : 0;
  const faults = await schedule.faults();
  return { faults: runs < MOST_RUNS ? faults : [...faults, 'it never came to an end'], runs };
}
