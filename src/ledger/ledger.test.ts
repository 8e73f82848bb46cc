// Tests of opening and growing a ledger: what is verified, how often, and what breaks it.
import { Keyring } from '@polkadot/keyring';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { appendRecords } from './append.ts';
import type { Draft } from './draft.ts';
import { signerOf } from './io/signing-key.ts';
import { openLedger } from './open.ts';
import { type LedgerFiles, recordsOf } from './read.ts';
import { VerifiedFiles } from './verified-files.ts';

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
      harness: { commit: 'unknown', node: 'v24', rules: 1 },
      host: {},
      plan: hash(3),
      reason: 'a test',
    },
  };
}
const grown = (files: LedgerFiles, ...blocks: number[]): LedgerFiles =>
  new Map([...files, ...appendRecords(files, blocks.map(voidOf), signer)]);

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
  it('is verified once, however often it is opened, and then as far as it grew', () => {
    const known = new VerifiedFiles();
    openLedger(signer.address, files, known);
    const { checks } = known;
    expect(checks).toBe(2 * 3); // each record and each signature
    openLedger(signer.address, files, known);
    expect(known.checks).toBe(checks);
    openLedger(signer.address, grown(files, 8), known);
    expect(known.checks).toBe(checks + 2);
  });
  it('is verified anew where bytes, signature or path changed', () => {
    const known = new VerifiedFiles();
    openLedger(signer.address, files, known);
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
      expect(() => openLedger(signer.address, changed, known)).toThrow(fault);
  });
  it('is not grown where it is broken, nor under another key', () => {
    const broken = new Map([...files].filter(([key]) => !key.startsWith('rounds/5/')));
    expect(() => appendRecords(broken, [voidOf(8)], signer)).toThrow('CHAIN_GAP');
    const stranger = signerOf(
      new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Stranger'),
    );
    expect(() => appendRecords(files, [voidOf(8)], stranger)).toThrow('is broken');
  });
});
