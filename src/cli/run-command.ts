// Command that plays a validator's rounds in a loop on a host that is always on, without GitHub.
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../compose/errors.ts';
import { takeLock } from '../compose/lock-file.ts';
import { assertMeasurable, measureShard } from '../compose/measuring-shard.ts';
import { ROOT } from '../compose/repository.ts';
import { validatorPair } from '../compose/settling.ts';
import { GPU_HOST_VARIABLE, sshHost } from '../compose/ssh-host.ts';
import { playPass, type ShardTask, type ValidatorHost } from '../compose/validator-host.ts';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import { openStored } from '../ledger/open.ts';
import { failureNotice, noticeOf } from '../pipeline/notices.ts';
import { postNotice, webhookIn } from '../compose/webhook.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, wholeNumber } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';
import { give } from './output.ts';

/** Seconds from the start of one pass to the next, unless told otherwise. */
const INTERVAL = 600;
const LONGEST = 86_400;

/** Lines for machines: one JSON object each, with its time. */
const jsonLog = (write: (text: string) => void): Log => {
  const line =
    (level: string) =>
    (text: string): void =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level, text: text.trim() })}\n`);
  return { info: line('info'), warn: line('warning'), progress: () => undefined };
};

/**
 * Aborts at the first SIGINT or SIGTERM: what runs is finished, and nothing new begins. The second
 * ends at once; the next run finishes what was begun.
 */
function stopping(log: Log): AbortSignal {
  const controller = new AbortController();
  const asked = (signal: string): void => {
    if (controller.signal.aborted) process.exit(130);
    log.info(
      `${signal}: the stage that runs is finished first; once more ends at once, and loses nothing`,
    );
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => asked(signal));
  return controller.signal;
}

/** Measures on this machine, or by SSH on the one that CACHEON_GPU_SSH names. */
function measurer(
  invocation: Invocation,
  validator: string,
): Pick<ValidatorHost, 'measure' | 'ready'> {
  const { store, arena } = workplace(invocation);
  const corpus = optional(invocation, 'corpus');
  const elsewhere = process.env[GPU_HOST_VARIABLE];
  if (elsewhere !== undefined && elsewhere !== '') {
    const { measure, ready } = sshHost(elsewhere, invocation.log);
    const options = ['arena', 'corpus', 'engine-command', 'branch'].flatMap((name) => {
      const value = optional(invocation, name);
      return value === undefined ? [] : [`--${name}`, value];
    });
    return { ready, measure: (task) => measure(task, ['--validator', validator, ...options]) };
  }
  const engineCommand = optional(invocation, 'engine-command');
  const measure = ({ plan, shard, draw, folder }: ShardTask): Promise<void> =>
    measureShard({
      ...{ root: ROOT, store, validator, arena, shard, corpus, engineCommand, draw },
      block: plan.predicate.block.number,
      keep: (path, content) => writeEvidence(folder, path, content),
      log: invocation.log,
    });
  return { measure, ready: () => assertMeasurable(engineCommand) };
}

/** Makes the folder of `--home`. Throws `USAGE` where that cannot be. */
function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true });
  } catch (error) {
    throw new UsageError(
      `--home ${home} cannot be made: ${messageOf(error)}`,
      'name a folder that this user may write to',
    );
  }
}

/** Posts a pass that failed, where there is a webhook and a key to name. */
async function tellFailure(text: string, log: Log): Promise<void> {
  const make = () => failureNotice(validatorPair().address, text);
  await postNotice(webhookIn(process.env), make, log);
}

/** One pass with a connection of its own, as a scheduled job has. False: nothing could be measured. */
async function pass(
  invocation: Invocation,
  { home, stop }: Pick<ValidatorHost, 'home' | 'stop'>,
): Promise<boolean> {
  const { arena, arenaSha256, folder, store } = workplace(invocation);
  const pair = validatorPair();
  const chain = await openChain(invocation, arena);
  try {
    const done = await playPass({
      ...{ root: ROOT, arena, arenaSha256, arenaFolder: folder, store, chain, pair, home, stop },
      corpus: optional(invocation, 'corpus'),
      operator: await operatorOf(pair.address),
      ...measurer(invocation, pair.address),
      log: invocation.log,
    });
    const of = done.block === null ? '' : ` of the plan at block ${done.block}`;
    const { block } = done;
    if (block !== null && done.outcome !== 'stopped') {
      const make = async () => noticeOf(await openStored(store, pair.address), block);
      await postNotice(webhookIn(process.env), make, invocation.log);
    }
    const failed = done.measured === false;
    const said = failed ? '; no server could be measured: look at the lines above' : '';
    give(invocation, `${JSON.stringify(done)}\n`, [`pass: ${done.outcome}${of}${said}`]);
    return !failed;
  } finally {
    await chain.disconnect();
  }
}

/**
 * `cacheon run`: all stages in a loop. A pass that fails is told and tried again at the next
 * interval; wrong usage ends the command, for waiting would not mend it. With --once a single pass.
 */
export const runCommand: RunCommand = async (given) => {
  const log = given.json ? jsonLog((text) => void process.stderr.write(text)) : given.log;
  const invocation = { ...given, log };
  const interval = wholeNumber(given, 'interval', 1, LONGEST) ?? INTERVAL;
  const once = given.values['once'] === true;
  const home = resolve(optional(given, 'home') ?? join(homedir(), '.cache/cacheon/run'));
  webhookIn(process.env);
  makeHome(home);
  const release = takeLock(
    join(home, 'lock'),
    'runs this validator',
    'stop it first: two would measure on one machine at once',
  );
  const stop = stopping(log);
  let good = true;
  try {
    while (!stop.aborted) {
      const next = Date.now() + interval * 1000;
      try {
        good = await pass(invocation, { home, stop });
      } catch (error) {
        if (once || error instanceof UsageError) throw error;
        const hint = error instanceof CacheonError ? `; ${error.hint}` : '';
        await tellFailure(`${messageOf(error)}${hint}`, log);
        log.warn(
          `this pass failed: ${messageOf(error)}${hint}; the next one is due at ${new Date(next).toISOString()}`,
        );
      }
      if (once) break;
      await sleep(Math.max(0, next - Date.now()), undefined, { signal: stop }).catch(
        () => undefined,
      );
    }
  } finally {
    release();
  }
  return once && !good ? 3 : 0;
};
