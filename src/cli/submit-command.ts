// Command for miners that pays the entry fee and commits a container image.
import type { ExtrinsicSigner } from '../chain/chain.ts';
import { sealEntropy } from '../chain/io/entropy.ts';
import { saltOf } from '../chain/io/key-pairs.ts';
import { coldkeyAddress, hotkeyFile, unlockColdkey, unlockPair } from '../chain/io/wallet.ts';
import { UsageError } from '../compose/errors.ts';
import { arenaPath, readArena } from '../compose/repository.ts';
import { lazy } from '../core/lazy.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { submit, type SubmitReport } from '../pipeline/submit/submit.ts';
import { taoText } from '../pipeline/submit/submit-steps.ts';
import type { Arena } from '../schema/arena.ts';
import { type ImageRef, parseImageRef } from '../schema/image-ref.ts';
import type { Invocation, RunCommand } from './command.ts';
import { publicLedgers } from './ledgers-at-hand.ts';
import { atInterrupt } from './interrupted.ts';
import { journalFile, lockedJournal } from './journal.ts';
import { optional, required, wholeNumber } from './options.ts';
import { give } from './output.ts';
import { wrapped } from './screen.ts';
import { agreeTo } from './submit-question.ts';
import { walletOf, walletOptions } from './wallet-options.ts';
import { openChain } from './workplace.ts';

/**
 * Blocks after which a sealed commitment opens, unless --reveal-blocks says otherwise: twelve
 * minutes.
 */
const REVEAL_BLOCKS = 60;

/**
 * The arena with --network, --netuid and --fee checked against it: a miner who expects other terms
 * must not pay.
 */
function agreedArena(invocation: Invocation): Arena {
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const network = optional(invocation, 'network') ?? arena.network;
  if (network !== arena.network)
    throw new UsageError(
      `--network ${network} is not the arena's, which is on ${arena.network}`,
      /^wss?:/.test(network)
        ? `an address of a node goes with --endpoint ${network}`
        : 'name the arena of that network with --arena',
    );
  const netuid = wholeNumber(invocation, 'netuid', 0, 65_535) ?? arena.netuid;
  if (netuid !== arena.netuid)
    throw new UsageError(
      `--netuid ${netuid} is not the arena's subnet, which is ${arena.netuid}`,
      'name the arena of that subnet with --arena: validators scan only the subnet of their arena',
    );
  const fee = optional(invocation, 'fee');
  if (fee !== undefined && Number(fee) !== arena.fee)
    throw new UsageError(
      `--fee ${fee} is not the arena's fee, which is ${arena.fee} TAO`,
      `give --fee ${arena.fee}, or leave it out`,
    );
  return arena;
}

/**
 * A transactor that unlocks its key when it first signs: no miner types a password for a submission
 * that cannot be made.
 */
function lazily(address: string, open: () => Promise<ExtrinsicSigner>): ExtrinsicSigner {
  const transactor = lazy(open);
  return {
    address,
    sign: async (call) => (await transactor()).sign(call),
    feeRao: async (call) => (await transactor()).feeRao(call),
  };
}

/** A transaction in words: what it moves, or that it commits. */
const plannedText = (call: string, amountRao: bigint): string =>
  call.startsWith('utility')
    ? `the fee: ${taoText(amountRao)} to the treasury, with the remark that binds it to this image`
    : 'the commitment: it moves nothing';

/** What a submission came to, or would send. */
function* reportLines(report: SubmitReport, sealed: boolean, where: string): Generator<string> {
  const { payment, commitment, dryRun, revealBlock } = report;
  if (payment) yield `paid        in block ${payment.block}: ${payment.tx}`;
  if (commitment) yield `committed   in block ${commitment.block}: ${commitment.tx}`;
  if (revealBlock !== null) yield `revealed    in block ${revealBlock}`;
  if (dryRun?.length === 0) yield 'nothing would be sent: this submission is complete';
  for (const { call, feeRao, amountRao } of dryRun ?? [])
    yield `would send  ${plannedText(call, BigInt(amountRao))}, ${taoText(BigInt(feeRao))} for the network (${call})`;
  if (dryRun !== null) {
    yield 'nothing was sent';
    return;
  }
  yield sealed && revealBlock === null
    ? 'next        run the same line again to see it revealed; then cacheon status'
    : `next        scripts/cacheon status ${report.hotkey} ${where}`.trimEnd();
}

/** Image and digest: apart, or as check and eval take them. */
function imageIn(invocation: Invocation): ImageRef {
  const named = required(invocation, 'image');
  const whole = optional(invocation, 'digest') === undefined ? parseImageRef(named) : null;
  return whole ?? { image: named, digest: required(invocation, 'digest') };
}

/** A payment that was made before; null for none. */
function paymentIn(invocation: Invocation): { tx: string; block: number } | null {
  const tx = optional(invocation, 'payment-tx');
  const block = wholeNumber(invocation, 'payment-block', 0, Number.MAX_SAFE_INTEGER);
  if (tx === undefined && block === undefined) return null;
  if (tx === undefined || block === undefined)
    throw new UsageError(
      '--payment-tx and --payment-block go together',
      'both were printed when the payment was made',
    );
  if (!/^0x[0-9a-f]{64}$/.test(tx))
    throw new UsageError(`--payment-tx ${tx} is not an extrinsic hash`, '0x and 64 hex digits');
  return { tx, block };
}

/** `cacheon submit`: pays the fee and commits an image; run again, it finishes what was begun. */
export const submitCommand: RunCommand = async (invocation) => {
  const { log, json, values } = invocation;
  const { image, digest } = imageIn(invocation);
  const payment = paymentIn(invocation);
  const arena = agreedArena(invocation);
  const wallet = walletOf(invocation);
  const options = walletOptions(invocation);
  const hotkey = await unlockPair(hotkeyFile(wallet), options);
  const chain = await openChain(invocation, arena, 'if-any');
  const coldkey =
    arena.fee === 0
      ? chain.transactor(hotkey)
      : lazily(coldkeyAddress(wallet), async () =>
          chain.transactor(await unlockColdkey(wallet, options)),
        );
  const journal = lockedJournal(
    journalFile((await chain.identity()).genesisHash, hotkey.address, arena.netuid, digest),
  );
  const base = optional(invocation, 'base') ?? null;
  const agreeing = {
    ...{ arena, base, log, ledgers: () => publicLedgers(invocation) },
    yes: json || ['yes', 'no-prompt', 'dry-run'].some((name) => values[name] === true),
    unchecked: values['unchecked'] === true,
  };
  const release = atInterrupt(
    'interrupted: what was signed may still land. Run the same line again: it goes on from there, and never pays twice',
  );
  const report = await submit(
    {
      agree: (terms) => agreeTo(agreeing, terms),
      chain,
      coldkey: { ...coldkey, address: coldkeyAddress(wallet) },
      hotkey: chain.transactor(hotkey),
      salt: (text) => saltOf(hotkey, text),
      journal,
      clock: monotonicClock,
      entropy: sealEntropy,
      log,
    },
    arena,
    {
      image,
      digest,
      base,
      payment,
      revealBlocks: wholeNumber(invocation, 'reveal-blocks', 1, 100_000) ?? REVEAL_BLOCKS,
      wait: values['no-wait'] !== true,
      replace: values['replace'] === true,
      again: values['again'] === true,
      dryRun: values['dry-run'] === true,
    },
  );
  release();
  await chain.disconnect();
  const where = ['arena', 'endpoint'].flatMap((name) => {
    const value = optional(invocation, name);
    return value === undefined ? [] : [`--${name} ${value}`];
  });
  const lines = [...reportLines(report, arena.timelock, where.join(' '))];
  give(invocation, report, lines.flatMap(wrapped));
  return 0;
};
