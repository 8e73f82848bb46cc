// Fuzz tests of commitments and chain data: any bytes are read or refused with a typed error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePayload } from '../arena/payload.ts';
import { CacheonError } from '../core/errors.ts';
import { concatBytes, utf8 } from '../core/bytes.ts';
import { chainRegistry } from '../devnet/chain/metadata.ts';
import type { CommitmentField } from './chain.ts';
import { countedCommitments } from './commitments.ts';
import { commitmentOf, decodeAs, standingCommitment } from './io/decode.ts';
import { readRevealed } from './revealed-payload.ts';
import { compact } from './scale.ts';

/** Some thousand inputs here; 100,000 with `npm run soak`. */
const RUNS = Number(process.env['SOAK_FUZZ'] ?? 1500);
const { registry } = chainRegistry();

/**
 * Bytes that look like something: random ones, JSON, JSON with a length in front, and a
 * registration that begins well.
 */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 1100 }),
  fc.json({ maxDepth: 6 }).map(utf8),
  fc
    .string({ unit: 'binary', maxLength: 300 })
    .map((text) => concatBytes(compact(utf8(text).length), utf8(text))),
  fc
    .record({
      image: fc.string(),
      digest: fc.string(),
      payment_tx: fc.string(),
      payment_block: fc.anything(),
      payment_salt: fc.string(),
    })
    .map((value) => utf8(JSON.stringify(value))),
  fc
    .tuple(fc.nat(4), fc.integer({ min: 0, max: 140 }), fc.uint8Array({ maxLength: 200 }))
    .map(([count, tag, body]) =>
      concatBytes(new Uint8Array(12), Uint8Array.of(count << 2, tag), body),
    ),
);

const NO_FIELD = new Uint8Array(13);
const EMPTY_FIELD = concatBytes(new Uint8Array(12), Uint8Array.of(1 << 2, 0));

describe('whatever a miner commits, and whatever a node says of it', () => {
  it('is read or refused by name: no input throws anything else', { timeout: 600_000 }, () => {
    let decoded = 0;
    fc.assert(
      fc.property(
        hostile,
        fc.nat(50),
        fc.nat(50),
        fc.boolean(),
        (bytes, block, revealBlock, sealed) => {
          try {
            standingCommitment(decodeAs(registry, 'PalletCommitmentsRegistration', bytes));
            decoded++;
          } catch (error) {
            expect(error).toBeInstanceOf(CacheonError);
          }
          try {
            commitmentOf('h', null, null, decodeAs(registry, 'Vec<(Bytes,u64)>', bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(CacheonError);
          }
          const field: CommitmentField = sealed
            ? { kind: 'timelock', revealRound: block }
            : { kind: 'raw', bytes };
          const lines = countedCommitments(
            {
              hotkey: 'h',
              standing: { block, fields: [field] },
              revealed: [{ block: revealBlock, bytes }],
              lastBlock: block,
            },
            revealBlock,
          );
          expect(lines.length).toBeGreaterThan(0);
          for (const payload of [bytes, readRevealed(bytes).bytes]) {
            const result = parsePayload(payload, {
              loopbackImages: false,
              needsPayment: true,
              baseRepositories: ['ghcr.io/a/b'],
            });
            if (!result.ok) expect(result.verdict).toMatch(/^E_/);
          }
        },
      ),
      // Two that are whole, so that the way past decoding is gone whatever is drawn: no field, and
      // one empty field.
      { numRuns: RUNS, examples: [NO_FIELD, EMPTY_FIELD].map((bytes) => [bytes, 0, 0, false]) },
    );
    expect(decoded).toBeGreaterThan(0);
  });
});
