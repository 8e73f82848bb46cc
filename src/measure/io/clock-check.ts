// Self-test of the measuring client's clock against a server with known send times.
import { MeasureError } from '../errors.ts';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Log } from '../../core/log.ts';
import { clockFault, type ClockReceipt } from '../../schema/clock-receipt.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import type { Exchange } from '../load-client.ts';
import type { Engine, EngineRuntime } from '../engine.ts';
import { awaitHealth } from '../arm-run.ts';
import { clockReceipt, SELF_TEST_ANSWERS, TRUTH } from '../clock-error.ts';
import type { ClientRules } from './measuring-client.ts';
import { monotonicClock, originNs } from '../../node/monotonic-clock.ts';
import { processRuntime } from './process-runtime.ts';

const START_SECONDS = 20;
/**
 * A machine may be busy for a moment, above all just after a start; a clock that is wrong stays
 * wrong.
 */
const TRIES = 3;

/** The ground truth's program: beside the bundle, or the source. */
export function groundTruthProgram(): string {
  const bundled = new URL('ground-truth.cjs', import.meta.url);
  return fileURLToPath(
    existsSync(bundled) ? bundled : new URL('ground-truth-main.ts', import.meta.url),
  );
}

/** The ground truth as a process of this machine. */
export function processGroundTruth(rules: ClientRules): Promise<Engine> {
  const args = ['--disable-warning=ExperimentalWarning', groundTruthProgram()];
  const runtime: EngineRuntime = processRuntime(rules, () => ({ command: process.execPath, args }));
  return runtime.start({ kind: 'image', image: 'ground-truth', digest: 'sha256:'.padEnd(71, '0') });
}

/**
 * Measures the measuring client against a server of known times. Throws `CLOCK_ERROR` where it is
 * too wrong to score anything.
 */
export async function checkClock(
  start: () => Promise<Engine>,
  rules: MeasuringRules['clock'],
  log: Log,
): Promise<ClockReceipt> {
  log.info('measuring the measuring client against a server of known times');
  let fault: string | null = null;
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const receipt = await measure(start);
    fault = clockFault(receipt, rules)?.reason ?? null;
    if (fault === null) {
      const { medianErrorNs, p99ErrorNs } = receipt;
      log.info(
        `  it is off by ${(medianErrorNs / 1e6).toFixed(3)} ms (median), ${(p99ErrorNs / 1e6).toFixed(3)} ms (p99)`,
      );
      return { ...receipt, attempt };
    }
    log.warn(`  ${fault}`);
  }
  throw new MeasureError(
    'CLOCK_ERROR',
    'infra',
    `the measuring client is not exact enough here: ${fault ?? ''}`,
    'give it a core of its own, and stop what else runs on this machine',
  );
}

async function measure(start: () => Promise<Engine>): Promise<ClockReceipt> {
  const engine = await start();
  try {
    const client = await engine.connect();
    try {
      const deadline = monotonicClock.nowNs() + START_SECONDS * 1e9;
      const health = await awaitHealth(engine, client, {
        clock: monotonicClock,
        deadlineNs: () => deadline,
      });
      if (health !== 'healthy')
        throw new MeasureError(
          'CLOCK_ERROR',
          'infra',
          'the ground truth did not start',
          'look at memory and load of the host',
        );
      const exchanges: Exchange[] = [];
      for (let i = 0; i <= SELF_TEST_ANSWERS; i++)
        exchanges.push(await client.ask(JSON.stringify({ truth: TRUTH })));
      return clockReceipt(exchanges.slice(1), originNs, TRUTH.tokens);
    } finally {
      await client.close();
    }
  } finally {
    await engine.stop();
  }
}
