// Tests of opening and growing a ledger: what is verified, how often, and what breaks it.
import { Keyring } from '@polkadot/keyring';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { signedFiles } from './append.ts';
import type { Draft } from './draft.ts';
import { signerOf } from './io/signing-key.ts';
import { openLedger } from './open.ts';
import { type LedgerFiles, recordsOf } from './read.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { OwnLedger } from './own-ledger.ts';
import { checkSignature } from './verify.ts';

vi.mock(import('./verify.ts'), { spy: true });

const signer = signerOf(
  new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator'),
);
const hash = (digit: number): string => String(digit).repeat(64);

/** The smallest record: a void, which stands without its plan. */
function voidOf(block: number): Draft<'void'> {
  return {
    kind: 'void',
    path: `rounds/${block}/void.json`,
    subject: [{ name: 'image', digest: { sha256: hash(1) } }],
    predicate: {
      schema: 1,
      network: { genesisHash: `0x${hash(0)}`, netuid: 2, specName: 'node', specVersion: 1 },
      validator: signer.address,
      block: { number: block, hash: `0x${hash(2)}` },
      harness: { tree: 'unknown', node: 'v24', rules: 1, run: null },
      host: {},
      plan: hash(3),
      reason: 'a test',
      seed: null,
      pulse: null,
      files: {},
    },
  };
}
const grown = (files: LedgerFiles, ...blocks: number[]): LedgerFiles =>
  new Map([
    ...files,
    ...signedFiles(openLedger(signer.address, files), { drafts: blocks.map(voidOf) }, signer),
  ]);

describe('a ledger', () => {
  const files = grown(new Map(), 5, 6, 7);

  it('chains what is appended after its last record', () => {
    const records = recordsOf(openLedger(signer.address, grown(files, 8)), 'void');
    expect(records.map(({ predicate }) => predicate.seq)).toEqual([0, 1, 2, 3]);
    expect(records.map(({ predicate }) => predicate.prev)).toEqual([
      null,
      ...records.slice(0, -1).map(({ sha256 }) => sha256),
    ]);
  });
  it('is verified as far as it grew', () => {
    const before = openLedger(signer.address, files);
    const longer = grown(files, 8);
    vi.mocked(checkSignature).mockClear();
    expect(openLedger(signer.address, longer, before).records).toHaveLength(4);
    expect(checkSignature).toHaveBeenCalledTimes(1);
    expect(openLedger(signer.address, longer, before)).toEqual(openLedger(signer.address, longer));
  });
  it('is verified anew where bytes, signature or path changed', () => {
    const before = openLedger(signer.address, files);
    const path = 'rounds/6/void.json';
    const other = new TextDecoder().decode(files.get(path)).replace('a test', 'no test');
    for (const [fault, changed] of [
      ['BAD_SIG rounds/6/void.json', new Map([...files, [path, utf8(other)]])],
      [
        'BAD_SIG rounds/6/void.json.sig',
        new Map([...files, [`${path}.sig`, files.get('rounds/5/void.json.sig')!]]),
      ],
      ['REPLAY rounds/9/void.json', new Map([...files, ['rounds/9/void.json', files.get(path)!]])],
      ['CHAIN_GAP', new Map([...files].filter(([key]) => !key.startsWith('rounds/6/')))],
    ] as const)
      expect(() => openLedger(signer.address, changed, before)).toThrow(fault);
  });
});

describe("a validator's own ledger", () => {
  beforeEach(() => void vi.mocked(checkSignature).mockClear());
  const files = grown(new Map(), 5, 6, 7);

  it('is verified once, and then as far as it or another writer grew it', async () => {
    const store = memoryStore(signer.address, files);
    const own = new OwnLedger(store, signer);
    await own.read();
    await own.append('Void 8', () => ({ drafts: [voidOf(8)] }));
    expect((await own.read()).records).toHaveLength(4);
    expect(checkSignature).toHaveBeenCalledTimes(3 + 1);
    store.write(grown(store.files(), 9));
    expect((await own.read()).records).toHaveLength(5);
    expect(checkSignature).toHaveBeenCalledTimes(3 + 1 + 4 + 1); // 4 by the other writer
  });
  it('stays as it is where nothing is to add', async () => {
    const store = memoryStore(signer.address, files);
    const own = new OwnLedger(store, signer);
    expect((await own.append('Nothing', () => null)).records).toHaveLength(3);
    expect((await own.append('Nothing', () => ({ drafts: [] }))).records).toHaveLength(3);
    expect(store.files()).toEqual(files);
  });
  it('asks again what to add where another writer came first', async () => {
    const store = memoryStore(signer.address, files);
    const own = new OwnLedger(store, signer);
    const other = grown(files, 8);
    const seen: number[] = [];
    store.race(() => store.write(other));
    await own.append('Void 9', ({ records }) => {
      seen.push(records.length);
      return { drafts: [voidOf(9)] };
    });
    expect(seen).toEqual([3, 4]);
    expect(openLedger(signer.address, store.files()).records).toHaveLength(5);
  });
  it('is not grown where it is broken, by a draft that does not fit, or under another key', async () => {
    const broken = new Map([...files].filter(([key]) => !key.startsWith('rounds/5/')));
    const append = (store: ReturnType<typeof memoryStore>, block: number, by = signer) =>
      new OwnLedger(store, by).append('Void', () => ({ drafts: [voidOf(block)] }));
    await expect(append(memoryStore(signer.address, broken), 8)).rejects.toThrow('CHAIN_GAP');
    const store = memoryStore(signer.address, files);
    const late = { ...voidOf(8), path: 'rounds/9/void.json' };
    await expect(
      new OwnLedger(store, signer).append('Void', () => ({ drafts: [late] })),
    ).rejects.toThrow('REPLAY');
    const stranger = signerOf(
      new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Stranger'),
    );
    await expect(append(memoryStore(stranger.address, files), 8, stranger)).rejects.toThrow(
      'is broken',
    );
    expect(store.files()).toEqual(files);
  });
});
