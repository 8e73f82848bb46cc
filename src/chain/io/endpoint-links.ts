// Links to several chain endpoints: the healthy one answers, and the others can be asked too.
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { ChainError } from '../errors.ts';
import { connect, isTransport } from './connect.ts';
import { SubtensorChain } from './subtensor.ts';
import { assertChain } from '../chain-identity.ts';

export type LinkOptions = {
  /** Genesis hash that an endpoint must have; null for local chains. */
  readonly genesisHash: string | null;
  /** Whether an endpoint whose head is minutes old is refused: one that hangs is no witness. */
  readonly fresh: boolean;
  readonly log: Log;
};

/** A head older than this is no head: the endpoint hangs. */
const STALE_SECONDS = 300;
/** How often every endpoint is tried before a request fails, and the first wait in between. */
const ROUNDS = 3;
const FIRST_WAIT_MS = 500;

type Link = { readonly endpoint: string; chain: SubtensorChain | null };
type Request<T> = (chain: SubtensorChain) => Promise<T>;

/** An endpoint that answered with another chain, or that hangs: asking it again does not help. */
const isUnhealthy = (error: unknown): boolean =>
  error instanceof ChainError && (error.code === 'WRONG_CHAIN' || error.code === 'STALE');

/** Several endpoints of one chain, of which one is in use at a time. */
export class EndpointLinks {
  readonly #links: Link[];
  readonly #options: LinkOptions;
  #current = 0;

  constructor(endpoints: readonly string[], options: LinkOptions) {
    this.#links = endpoints.map((endpoint) => ({ endpoint, chain: null }));
    this.#options = options;
  }

  /** The endpoint in use. */
  get endpoint(): string {
    return this.#links[this.#current]!.endpoint;
  }

  /**
   * Runs a request on the first endpoint that can answer. Only a failed connection makes the next
   * one be asked. Throws `UNREACHABLE`, or why the last one was not healthy.
   */
  async use<T>(request: Request<T>, rounds = ROUNDS): Promise<T> {
    const { length } = this.#links;
    let last: unknown;
    for (let attempt = 0; attempt < rounds * length; attempt++) {
      if (attempt > 0 && attempt % length === 0)
        await sleep(FIRST_WAIT_MS * 2 ** (attempt / length - 1));
      const link = this.#links[this.#current]!;
      try {
        return await request(await this.#chainOf(link));
      } catch (error) {
        if (!isUnhealthy(error) && !isTransport(error)) throw error;
        last = error;
        if (length > 1 || attempt + 1 < rounds) this.#options.log.warn(messageOf(error));
        await this.#leave(link);
        // Asking again does not make a wrong chain the right one.
        if (isUnhealthy(error) && attempt + 1 >= length) break;
      }
    }
    throw unreachable(last);
  }

  /**
   * Like `use`, and where that node no longer keeps the state, asks every other endpoint: one of
   * them may be an archive. `gone` says whether an answer is none.
   */
  async useOld<T>(request: Request<T>, gone: (value: T) => boolean = () => false): Promise<T> {
    let first: { value: T } | { error: unknown };
    try {
      const value = await this.use(request);
      if (!gone(value)) return value;
      first = { value };
    } catch (error) {
      if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
      first = { error };
    }
    // An endpoint that cannot be asked cannot help either.
    for await (const answer of this.others(request))
      if ('value' in answer && !gone(answer.value)) return answer.value;
    if ('error' in first) throw first.error;
    return first.value;
  }

  /** Asks every endpoint but the one in use, one after the other, until the caller has enough. */
  async *others<T>(
    request: Request<T>,
  ): AsyncGenerator<{ endpoint: string } & ({ value: T } | { error: unknown })> {
    for (const [index, link] of this.#links.entries()) {
      if (index === this.#current) continue;
      const { endpoint } = link;
      try {
        yield { endpoint, value: await request(await this.#chainOf(link)) };
      } catch (error) {
        yield { endpoint, error };
      }
    }
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#links.map(async (link) => link.chain?.disconnect()));
  }

  /** A link's chain, connected and checked. Throws `UNREACHABLE`, `WRONG_CHAIN` or `STALE`. */
  async #chainOf(link: Link): Promise<SubtensorChain> {
    if (link.chain?.api.isConnected) return link.chain;
    const chain = new SubtensorChain(await connect(link.endpoint));
    try {
      await assertChain(chain, this.#options.genesisHash);
      if (this.#options.fresh) await assertFresh(chain, link.endpoint);
    } catch (error) {
      await chain.disconnect();
      throw error;
    }
    link.chain = chain;
    return chain;
  }

  /** Gives an endpoint up, and turns to the next. */
  async #leave(link: Link): Promise<void> {
    await link.chain?.disconnect().catch(() => undefined);
    link.chain = null;
    this.#current = (this.#current + 1) % this.#links.length;
  }
}

/** The error of a request that no endpoint answered. */
function unreachable(last: unknown): ChainError {
  if (last instanceof ChainError) return last;
  return new ChainError(
    'UNREACHABLE',
    'infra',
    `no endpoint answers: ${messageOf(last)}`,
    'check the endpoints, or name others with --endpoint',
  ).causedBy(last);
}

/** Throws `STALE` where the newest finalized block is minutes old. */
async function assertFresh(chain: SubtensorChain, endpoint: string): Promise<void> {
  const ageSeconds = Date.now() / 1000 - (await chain.finalizedSeconds());
  if (ageSeconds > STALE_SECONDS)
    throw new ChainError(
      'STALE',
      'infra',
      `${endpoint} hangs: its newest final block is ${Math.round(ageSeconds)} s old`,
      'name another endpoint',
    );
}
