// A chain in memory with one validator: blocks, a pool, weights, commitments, and a clock that moves it.
import type {
  BlockRef,
  Call,
  ChainCommitment,
  ChainReader,
  ExtrinsicSigner,
  SignedTransaction,
  SubnetState,
  WeightRow,
} from '../chain/chain.ts';
import { compact, u16le, u64le, vecU16 } from '../chain/scale.ts';
import { publishedAt } from '../beacon/pulses.ts';
import { concatBytes, fromHex, toHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { blake2b256, sha256Hex } from '../core/hash.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { DEVNET_BEACON, signPulse } from '../devnet/chain/pallets/drand-pallet.ts';
import { madeExtensions } from './made-transaction.ts';
import { subnetState } from './weights-fixture.ts';

const BLOCK_MS = 12_000;
const GENESIS_MS = 1_790_000_000_000;
/** Blocks between the newest and the newest final one. */
const FINAL_LAG = 2;
const ERA_BLOCKS = 32;
const TEMPO = 360;

/** The chain after a block. */
type State = {
  readonly extrinsics: readonly string[];
  readonly row: WeightRow;
  readonly lastUpdate: number;
  readonly committed: { readonly block: number; readonly bytes: Uint8Array } | null;
  readonly nonce: number;
};
type Sent = { readonly call: Call; readonly nonce: number; readonly lastBlock: number };

/** Bytes of a call, as they end an extrinsic. */
function callBytes(call: Call): Uint8Array {
  if (call.kind === 'commit') {
    const field = concatBytes(Uint8Array.of(1 + call.payload.length), call.payload);
    return concatBytes(Uint8Array.of(18, 0), u16le(call.netuid), Uint8Array.of(4), field);
  }
  if (call.kind !== 'set-weights') throw new Error(`no ${call.kind} on this chain`);
  return concatBytes(
    ...[Uint8Array.of(7, 0), u16le(call.netuid)],
    vecU16(call.row.map(({ uid }) => uid)),
    vecU16(call.row.map(({ weight }) => weight)),
    u64le(call.versionKey),
  );
}

/** The chain; its clock is the only thing that builds blocks. */
export class MemoryChain implements Partial<ChainReader> {
  readonly #validator: string;
  readonly #states: State[] = [
    { extrinsics: [], row: [], lastUpdate: 0, committed: null, nonce: 0 },
  ];
  readonly #known = new Map<string, Sent>();
  #pool: string[] = [];
  #nowMs = GENESIS_MS;

  constructor(validator: string) {
    this.#validator = validator;
    this.advance(FINAL_LAG + 1);
  }

  /** Virtual time: sleeping builds the blocks that come meanwhile. */
  readonly clock: Clock = {
    nowNs: () => (this.#nowMs - GENESIS_MS) * 1e6,
    sleep: (ms: number) => {
      this.#nowMs += ms;
      while (GENESIS_MS + this.#states.length * BLOCK_MS <= this.#nowMs) this.#build();
      return Promise.resolve();
    },
  };

  /** Builds blocks, and lets their time pass. */
  advance(blocks: number): void {
    for (let i = 0; i < blocks; i++) {
      this.#build();
      this.#nowMs = Math.max(this.#nowMs, GENESIS_MS + (this.#states.length - 1) * BLOCK_MS);
    }
  }

  /** Another fork wins: the blocks that are not final are built again, without their transactions. */
  reorganise(): void {
    this.#states.splice(this.#final() + 1);
    this.#pool = [];
    for (let i = 0; i < FINAL_LAG; i++) this.#build();
  }

  readonly epochOf = (block: number): number => Math.floor(block / TEMPO);

  get #newest(): number {
    return this.#states.length - 1;
  }

  #build(): void {
    let state = { ...this.#states.at(-1)!, extrinsics: [] as string[] };
    const number = this.#states.length;
    for (const hex of [...this.#pool]) {
      const { call, nonce, lastBlock } = this.#known.get(hex)!;
      if (nonce < state.nonce || number > lastBlock)
        this.#pool = this.#pool.filter((x) => x !== hex);
      if (nonce !== state.nonce || number > lastBlock) continue;
      this.#pool = this.#pool.filter((item) => item !== hex);
      state = { ...state, extrinsics: [...state.extrinsics, hex], nonce: nonce + 1 };
      if (call.kind === 'commit')
        state = { ...state, committed: { block: number, bytes: call.payload } };
      if (call.kind === 'set-weights') state = { ...state, row: call.row, lastUpdate: number };
    }
    this.#states.push(state);
  }

  #hash = (number: number): string => `0x${sha256Hex(`memory block ${number}`)}`;
  #ref = (number: number): BlockRef => ({ number, hash: this.#hash(number) });
  #final = (): number => this.#newest - FINAL_LAG;

  /** Every extrinsic of the validator that a block took, oldest first. */
  taken(): { readonly call: Call; readonly block: number }[] {
    return this.#states.flatMap(({ extrinsics }, block) =>
      extrinsics.map((hex) => ({ call: this.#known.get(hex)!.call, block })),
    );
  }

  readonly wallet = (): ExtrinsicSigner => ({
    address: this.#validator,
    sign: (call) => Promise.resolve(this.#sign(call)),
    feeRao: () => Promise.resolve(0n),
  });

  #sign(call: Call): SignedTransaction {
    const nonce = this.#states.at(-1)!.nonce + this.#pool.length;
    const birth = this.#final();
    const body = concatBytes(
      ...[Uint8Array.of(0x84, 0), decodeSs58(this.#validator)!, new Uint8Array(65)],
      ...[madeExtensions(birth, nonce), callBytes(call)],
    );
    const bytes = concatBytes(compact(body.length), body);
    const extrinsic = `0x${toHex(bytes)}`;
    const lastBlock = birth + ERA_BLOCKS - 1;
    this.#known.set(extrinsic, { call, nonce, lastBlock });
    const hash = `0x${toHex(blake2b256(fromHex(extrinsic)!))}`;
    return { extrinsic, hash, signer: this.#validator, nonce, firstBlock: birth + 1, lastBlock };
  }

  submit = (extrinsic: string) => {
    const { nonce } = this.#known.get(extrinsic)!;
    const stale = nonce < this.#states.at(-1)!.nonce;
    if (stale)
      return Promise.resolve({ name: 'Stale', remedy: 'none', hint: 'its nonce is used' } as never);
    if (!this.#pool.includes(extrinsic)) this.#pool.push(extrinsic);
    return Promise.resolve(null);
  };

  identity = () =>
    Promise.resolve({ genesisHash: this.#hash(0), specName: 'memory', specVersion: 1 });
  finalizedHead = () => Promise.resolve(this.#ref(this.#final()));
  blockHash = (number: number) =>
    Promise.resolve(number >= 0 && number <= this.#final() ? this.#hash(number) : null);
  confirm = () => Promise.resolve();
  timestampMs = ({ number }: BlockRef) => Promise.resolve(GENESIS_MS + number * BLOCK_MS);
  epoch = (_netuid: number, { number }: BlockRef) => Promise.resolve(this.epochOf(number));
  waitingCommits = () => Promise.resolve([]);
  uidOf = () => Promise.resolve(3);
  outcome = () => Promise.resolve({ ok: true as const });
  weights = (_uid: number, _netuid: number, { number }: BlockRef) =>
    Promise.resolve(this.#states[number]!.row);
  finalizedNonce = () =>
    Promise.resolve({ head: this.#ref(this.#final()), nonce: this.#states[this.#final()]!.nonce });
  extrinsics = (number: number) => {
    const state = number <= this.#final() ? this.#states[number] : undefined;
    const extrinsics = ['0x00', ...(state?.extrinsics ?? [])];
    return Promise.resolve(state ? { block: this.#ref(number), extrinsics } : null);
  };
  commitment = (hotkey: string, _netuid: number, block?: BlockRef): Promise<ChainCommitment> => {
    const { committed } = this.#states[block?.number ?? this.#newest]!;
    const fields = committed ? [{ kind: 'raw' as const, bytes: committed.bytes }] : [];
    const standing = committed ? { block: committed.block, fields } : null;
    return Promise.resolve({ hotkey, standing, revealed: [], lastBlock: committed?.block ?? null });
  };
  pulse = (round: number) =>
    Promise.resolve(
      publishedAt(DEVNET_BEACON, round) * 1000 <= this.#nowMs
        ? `0x${toHex(signPulse(round))}`
        : null,
    );
  subnet = (): Promise<SubnetState> => {
    const number = this.#newest;
    const index = Math.floor(number / TEMPO);
    const epochs = {
      ...subnetState().epochs!,
      ...{ head: number, subnetEpochIndex: index, lastEpochBlock: index * TEMPO },
    };
    return Promise.resolve(
      subnetState({
        ...{ head: this.#ref(number), lastUpdate: this.#states.at(-1)!.lastUpdate, epochs },
        ...{ weightsRateLimit: 0, nowSeconds: Math.floor(this.#nowMs / 1000) },
      }),
    );
  };
}
