// Audits recorded weights: derived again, matched to their transactions, compared with the chain.
import { arenaSchema } from '../../schema/arena.ts';
import type { ChainReader } from '../../chain/chain.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { recordsOf, type Ledger } from '../../ledger/read.ts';
import type { Predicate } from '../../schema/records.ts';
import type { FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { transactionFault } from './transaction-fault.ts';
import { anchorOf } from '../anchor/anchor-text.ts';
import { sameRow, weightsFrom } from '../settle/weight-row.ts';

/** Tells one fault. */
export type ReportFault = (code: FaultCode, path: string, message: string) => void;
type Records = Pick<Ledger, 'records'>;
type WeightsAuditPorts = { readonly chain: ChainReader | null; readonly log: Log };

/**
 * The part of an intent that its outcome must repeat. The epoch of a commit is told by the block
 * that took it.
 */
const committed = ({
  weights,
  holders,
  round,
  method,
  versionKey,
  commit,
}: Predicate<'weights-intent'> | Predicate<'weights'>): unknown => [
  weights,
  holders,
  round,
  method,
  versionKey,
  commit && [commit.hash, commit.round, commit.salt],
];

type Intent = LedgerRecord<'weights-intent'>;
type Outcome = LedgerRecord<'weights'>;

/**
 * Checks an intent or its outcome: the round that it follows from, the weights that follow, its
 * transaction, and with a chain what that shows.
 */
export async function auditWeights(
  record: Outcome | Intent,
  all: Records['records'],
  ports: WeightsAuditPorts,
  reportAt: ReportFault,
): Promise<void> {
  const report = (message: string): void => reportAt('WEIGHT_MISMATCH', record.path, message);
  const intent = record.kind === 'weights' ? intentOf(record, all) : record;
  // An outcome follows from what stood at its intent: a round may land between the two.
  const before = {
    records: all.filter((item) => item.predicate.seq < (intent ?? record).predicate.seq),
  };
  const round = recordsOf(before, 'round').at(-1);
  if (record.predicate.round !== (round?.sha256 ?? null)) {
    const named = record.predicate.round ?? 'none';
    report(`follows from round ${named}, the latest before it is ${round?.sha256 ?? 'none'}`);
    return;
  }
  // Before the first round the arena is that of the first plan, so that no validator can name a
  // burn uid of its own.
  const plan = round
    ? recordsOf(before, 'plan').find((item) => item.sha256 === round.predicate.plan)
    : recordsOf({ records: all }, 'plan')[0];
  for (const fault of rowFaults(record, round, plan)) report(fault);
  if (record.kind === 'weights-intent') {
    const wrong = transactionFault(record.predicate);
    if (wrong !== null) report(`its transaction does not set these weights: ${wrong}`);
    return;
  }
  for (const fault of outcomeFaults(record, intent)) report(fault);
  if (ports.chain)
    await askChain(chainFaults(record, intent, ports.chain), report, (why) =>
      ports.log.warn(
        `${record.path}: the chain no longer tells about block ${record.predicate.block.number} (${why})`,
      ),
    );
}

/** Reports what the chain says against a record, as far as a node still tells. */
async function askChain(
  faults: AsyncIterable<string>,
  report: (message: string) => void,
  silent: (why: string) => void,
): Promise<void> {
  try {
    for await (const fault of faults) report(fault);
  } catch (error) {
    silent(messageOf(error));
  }
}

const intentOf = ({ predicate }: Outcome, all: Records['records']): Intent | undefined =>
  recordsOf({ records: all }, 'weights-intent').find(({ sha256 }) => sha256 === predicate.intent);

/** What is wrong with weights as they follow from a round's standing and its arena. */
function* rowFaults(
  { predicate }: Outcome | Intent,
  round: LedgerRecord<'round'> | undefined,
  plan: LedgerRecord<'plan'> | undefined,
): Generator<string> {
  const { holders, shares, weights } = predicate;
  const { burnUid, ...emission } = predicate.emission;
  const arena = plan && arenaSchema.safeParse(plan.predicate.arena).data;
  const rules = arena && { burnUid: arena.burnUid, emission: arena.emission };
  if (rules && firstDifference({ burnUid, emission }, rules) !== null)
    yield "other emission rules than the round's arena";
  const standing = round?.predicate.standing ?? { winner: null, runnerUp: null };
  const derived = weightsFrom(standing, holders, { burnUid, emission });
  const difference = firstDifference({ shares, weights }, derived);
  if (difference !== null) yield difference;
  const expected = [standing.winner, standing.runnerUp].flatMap((place) =>
    place ? [place.hotkey] : [],
  );
  if (compactJson(holders.map(({ hotkey }) => hotkey)) !== compactJson(expected))
    yield 'holders are not those of the standing';
}

/** What is wrong with an outcome beside its intent. */
function* outcomeFaults({ predicate }: Outcome, intent: Intent | undefined): Generator<string> {
  const same =
    intent &&
    compactJson(committed(intent.predicate)) === compactJson(committed(predicate)) &&
    predicate.extrinsicHash === intent.predicate.transaction.hash;
  if (!same) yield 'is not the outcome of the intent it names';
  if (predicate.status === 'set' && !sameRow(predicate.readBack, predicate.weights))
    yield 'says set, but read back other weights';
}

/** What the chain says against an outcome; it throws where a node no longer tells. */
async function* chainFaults(
  { predicate }: Outcome,
  intent: Intent | undefined,
  chain: ChainReader,
): AsyncGenerator<string> {
  const { validator, network, block, holders, includedIn } = predicate;
  for (const { hotkey, uid } of holders)
    if ((await chain.uidOf(hotkey, network.netuid, block)) !== uid)
      yield `${hotkey} did not hold uid ${uid ?? 'none'} at block ${block.number}`;
  const own = await chain.uidOf(validator, network.netuid, block);
  if (includedIn === null || own === null) return;
  const row = await chain.weights(own, network.netuid, includedIn);
  const difference = firstDifference(predicate.readBack, row, 'readBack');
  if (difference !== null) yield `the chain shows other weights: ${difference}`;
  const body = await chain.extrinsics(includedIn.number);
  if (body && intent && !body.extrinsics.includes(intent.predicate.transaction.extrinsic))
    yield `block ${includedIn.number} does not hold the transaction`;
}

/** What closes a commit must belong to one, and say what the chain showed. */
export async function auditReadback(
  readback: LedgerRecord<'weights-readback'>,
  all: Records['records'],
  { chain, log }: WeightsAuditPorts,
  report: ReportFault,
): Promise<void> {
  const { predicate, path } = readback;
  const pending = recordsOf({ records: all }, 'weights').find(
    (item) => item.sha256 === predicate.weights,
  );
  if (pending?.predicate.status !== 'pending') {
    report('WEIGHT_MISMATCH', path, 'closes no pending weights');
    return;
  }
  if (predicate.status === 'set' && !sameRow(predicate.readBack, pending.predicate.weights))
    report('WEIGHT_MISMATCH', path, 'says set, but read back other weights');
  if (!chain) return;
  try {
    const own = await chain.uidOf(predicate.validator, predicate.network.netuid, predicate.readAt);
    if (own === null) return;
    const difference = firstDifference(
      predicate.readBack,
      await chain.weights(own, predicate.network.netuid, predicate.readAt),
      'readBack',
    );
    if (difference !== null)
      report('WEIGHT_MISMATCH', path, `the chain shows other weights: ${difference}`);
  } catch (error) {
    log.warn(
      `${path}: the chain no longer tells about block ${predicate.readAt.number} (${messageOf(error)})`,
    );
  }
}

/**
 * The head that the validator anchored on chain must be in the ledger: else the validator cut off
 * its tail, or anchored another history.
 */
export async function auditAnchor(
  ledger: Ledger,
  chain: ChainReader,
  log: Log,
  report: ReportFault,
): Promise<void> {
  const last = ledger.records.at(-1);
  if (!last) return;
  try {
    const anchored = anchorOf(
      await chain.commitment(ledger.validator, last.predicate.network.netuid),
    );
    if (!anchored) return;
    const record = ledger.records.find((item) => item.predicate.seq === anchored.seq);
    if (!record)
      report(
        'CHAIN_GAP',
        last.path,
        `the chain anchors record ${anchored.seq}, the ledger ends with ${last.predicate.seq}: is this clone up to date?`,
      );
    else if (record.sha256 !== anchored.sha256)
      report(
        'REWRITE',
        record.path,
        `the chain anchors ${anchored.sha256} as record ${anchored.seq}, this is ${record.sha256}`,
      );
  } catch (error) {
    log.warn(`the anchor of ${ledger.validator} could not be read: ${messageOf(error)}`);
  }
}
