// Tests of Bittensor's Python SDK on the embedded chain: calls, timelock ciphertexts, keyfiles.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { QUICKNET } from '../../beacon/pulses.ts';
import { connect } from '../../chain/io/connect.ts';
import { sealEntropy } from '../../chain/io/entropy.ts';
import { pairOfKeyfile, unlock } from '../../chain/io/key-pairs.ts';
import { SubtensorChain } from '../../chain/io/subtensor.ts';
import { parseKeyfile } from '../../chain/keyfile.ts';
import { compact } from '../../chain/scale.ts';
import { open, seal } from '../../chain/timelock.ts';
import { silentLog } from '../../core/log.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { deliverExtrinsic } from '../../chain/delivery.ts';
import { DEVNET_BEACON } from '../../devnet/chain/pallets/drand-pallet.ts';
import { startChain } from '../../devnet/chain/chain-server.ts';
import { devPair } from '../../devnet/demo/miners.ts';

const ROUND = 1000;
const SIGNATURE = fromHex(
  'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
)!;
const SDKS = [
  ['10.2', process.env['BITTENSOR_SDK_10'], 'sdk10.py', 20],
  ['11.3', process.env['BITTENSOR_SDK_11'], 'sdk11.py', 17],
] as const;
const folder = mkdtempSync(join(tmpdir(), 'sdk-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Line = { check: string; ok: boolean; detail: string };

/**
 * Runs one SDK's script against an embedded chain on which a sealed commitment of ours has been
 * revealed.
 */
async function runSdk(python: string, script: string): Promise<Line[]> {
  const server = await startChain();
  const chain = new SubtensorChain(await connect(server.url));
  try {
    const wallet = chain.transactor(devPair('//Miner2//hot'));
    const text = utf8('{"sealed":"by us"}');
    const round = 99_000_000;
    const ciphertext = seal(
      DEVNET_BEACON,
      round,
      concatBytes(compact(text.length), text),
      sealEntropy(),
    );
    const ports = { chain, clock: monotonicClock, log: silentLog };
    await deliverExtrinsic(
      ports,
      await wallet.sign({ kind: 'commit-sealed', netuid: 2, ciphertext, round }),
    );
    server.node.forcePulse(round);
    server.node.build();
    server.node.build();
    const ours = toHex(seal(QUICKNET, ROUND, utf8('sealed by TypeScript'), sealEntropy()));
    const { stdout } = await promisify(execFile)(
      python,
      [join(import.meta.dirname, script), server.url, folder, ours],
      {
        timeout: 120_000,
      },
    );
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  } finally {
    await chain.disconnect();
    await server.close();
  }
}

describe.each(SDKS)('the Bittensor Python SDK %s', (version, python, script, checks) => {
  const there = python !== undefined && existsSync(python);
  if (!there)
    console.warn(
      `skipped: Bittensor SDK ${version} (set BITTENSOR_SDK_${version.slice(0, 2)} to a Python that has it)`,
    );

  it.skipIf(!there)(
    'works on the embedded chain, and its ciphertexts are ours',
    { timeout: 180_000 },
    async () => {
      const lines = await runSdk(python!, script);
      expect(lines.filter(({ ok }) => !ok)).toEqual([]);
      expect(lines.length).toBe(checks);
      const wrapped = fromHex(lines.find(({ check }) => check === 'sealed by Rust')!.detail)!;
      // Rust's own envelope: a compact length of two bytes in front, the round as u64 behind.
      expect(open(wrapped.subarray(2, -8), SIGNATURE)).toEqual(utf8('sealed by Rust'));
      const keyfiles = lines.find(({ check }) => check === 'keyfiles');
      if (!keyfiles) return;
      for (const [name, address] of Object.entries(
        JSON.parse(keyfiles.detail) as Record<string, string>,
      )) {
        const file = join(folder, name);
        expect(pairOfKeyfile(parseKeyfile(readFileSync(file), file), file).address).toBe(address);
      }
      const file = join(folder, 'encrypted');
      const opened = await unlock(new Uint8Array(readFileSync(file)), 'test-password-123', file);
      expect(pairOfKeyfile(parseKeyfile(opened, file), file).address).toBe(
        '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV',
      );
      await expect(unlock(new Uint8Array(readFileSync(file)), 'wrong', file)).rejects.toMatchObject(
        { code: 'WRONG_PASSWORD' },
      );
    },
  );
});
