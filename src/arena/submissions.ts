// Which submissions a round measures, rejects or leaves waiting, and why.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { fromUtf8 } from '../core/bytes.ts';
import { compare } from '../core/order.ts';
import type { Arena } from '../schema/arena.ts';
import type { MinerFault } from '../schema/verdicts.ts';
import { parsePayload } from './payload.ts';
import { type Claim, failureKey, type History, marginHistory } from './history.ts';
import { inTurn } from './deal.ts';
import type { Place, Standing } from '../schema/standing.ts';
import type { Submission } from '../schema/submission.ts';
import { afterDeregistration } from './ranking.ts';
import { submissionKey } from './submission-key.ts';

/** A registered miner at the plan's block. */
export type Neuron = {
  readonly uid: number;
  readonly hotkey: string;
  readonly coldkey: string;
  readonly registeredAt: number;
};

/**
 * What a hotkey has on chain: a payload, bytes that hold no payload, a timelock that is still shut,
 * or a reveal that no node can date yet.
 */
export type Commitment = {
  readonly hotkey: string;
  readonly commitBlock: number;
  /** Block at which a sealed one was revealed; null for others. */
  readonly revealBlock: number | null;
  readonly content:
    | { readonly kind: 'payload'; readonly bytes: Uint8Array }
    | ({ readonly kind: 'fault'; readonly verdict: MinerFault } & Reasoned)
    | ({ readonly kind: 'hidden' } & Reasoned)
    | ({ readonly kind: 'unknown' } & Reasoned);
};

/**
 * Outcome of looking a payment up. `unknown` means that no node could tell (say, state no longer
 * kept): the next scan asks again.
 */
export type PaymentCheck =
  { readonly state: 'paid' } | ({ readonly state: 'refused' | 'unknown' } & Reasoned);

/**
 * Earlier commit first, then the smaller hotkey: the order in which copies and payments are judged.
 */
function byCommit(a: Commitment, b: Commitment): number {
  return a.commitBlock - b.commitBlock || compare(a.hotkey, b.hotkey);
}

/** What the chain shows at the plan's block. */
export type ChainView = {
  readonly neurons: readonly Neuron[];
  readonly commitments: readonly Commitment[];
  /** By submission key, for those that name a payment. */
  readonly payments: ReadonlyMap<string, PaymentCheck>;
};

/** What has been claimed and spent before the commitment that is looked at. */
type Past = Pick<ChainView, 'payments'> & {
  readonly arena: Arena;
  readonly history: History;
  readonly claims: Claim[];
  readonly spent: Map<string, string>;
  /** Of the rules of now: a fault that was found under the same is not measured again. */
  readonly rulesSha256: string;
};

/** What becomes of a submission: the fields that a decision sets. */
type Fate = Pick<Submission, 'status' | 'verdict' | 'reason' | 'reasons'> & Partial<Submission>;

const waiting = (why: Reasoned): Fate => ({ status: 'waiting', verdict: null, ...whyOf(why) });
const rejected = (verdict: MinerFault, why: Reasoned): Fate => ({
  status: 'rejected',
  verdict,
  ...whyOf(why),
});

/** How submissions are listed. */
export type ListRules = {
  /** Of the rules of now: a fault that was found under the same is not measured again. */
  readonly rulesSha256: string;
  /** Challengers of a voided plan, which the next one keeps; null: those whose turn it is. */
  readonly kept: ReadonlySet<string> | null;
};

/**
 * Every submission at one block with its status. Pure: the same chain state, payments and ledger
 * give the same list, whatever their order. Hotkeys without a uid, and commitments older than the
 * registration, are not submissions: the slot may have changed hands.
 */
export function listSubmissions(
  arena: Arena,
  chain: ChainView,
  history: History,
  { rulesSha256, kept }: ListRules,
): { submissions: Submission[]; standing: Standing } {
  const neurons = new Map(chain.neurons.map((neuron) => [neuron.hotkey, neuron]));
  const standing = afterDeregistration(history.standing, (place) => neurons.has(place.hotkey));
  const past: Past = {
    arena,
    history,
    payments: chain.payments,
    claims: [...history.claims],
    spent: new Map(history.payments),
    rulesSha256,
  };
  const submissions: Submission[] = [];
  for (const commitment of [...chain.commitments].sort(byCommit)) {
    const neuron = neurons.get(commitment.hotkey);
    if (!neuron || commitment.commitBlock < neuron.registeredAt) continue;
    if (isAnchor(commitment)) continue;
    submissions.push(judgeCommitment(commitment, neuron, past));
  }
  // Incumbents are measured in every round, also when their hotkey has committed something newer.
  for (const [role, place] of [
    ['winner', standing.winner],
    ['runner-up', standing.runnerUp],
  ] as const) {
    if (!place) continue;
    const at = submissions.findIndex(({ key }) => key === place.key);
    const entry = incumbent(role, place, {
      neuron: neurons.get(place.hotkey)!,
      listed: submissions[at],
      history,
    });
    submissions.splice(at === -1 ? submissions.length : at, 1, entry);
  }
  return { submissions: inTurn(submissions, history, { arena, kept }), standing };
}

/** What a validator writes to anchor its ledger is no submission. */
function isAnchor({ content }: Commitment): boolean {
  return (
    content.kind === 'payload' && fromUtf8(content.bytes)?.startsWith('cacheon:head:') === true
  );
}

/** The line of a standing winner or runner-up, also where the chain no longer shows it. */
function incumbent(
  role: 'winner' | 'runner-up',
  place: Place,
  { neuron, listed, history }: { neuron: Neuron; listed: Submission | undefined; history: History },
): Submission {
  const { key, hotkey, commitBlock, image, digest, base } = place;
  // As a challenger it may have been a suspect: an incumbent is none, it runs on every machine.
  const { suspect, ...seen } = listed ?? {
    ...{ key, hotkey, commitBlock, revealBlock: null, paymentTx: null },
    suspect: undefined,
  };
  return {
    ...seen,
    coldkey: neuron.coldkey,
    uid: neuron.uid,
    image,
    digest,
    base,
    status: 'evaluate',
    role,
    verdict: null,
    ...because('incumbent', `the standing ${role}`),
    history: marginHistory(history, hotkey, digest),
    ...shutDoor(history, key),
  };
}

/** One commitment's line: what its content says, then what earlier rounds and claims say of it. */
function judgeCommitment(commitment: Commitment, neuron: Neuron, past: Past): Submission {
  const { hotkey, commitBlock, revealBlock, content } = commitment;
  const key = submissionKey(hotkey, commitBlock);
  const base = {
    key,
    hotkey,
    coldkey: neuron.coldkey,
    uid: neuron.uid,
    commitBlock,
    revealBlock,
    image: null,
    digest: null,
    base: null,
    paymentTx: null,
    role: null,
    history: null,
  };
  if (content.kind === 'hidden')
    return { ...base, ...waiting(content), verdict: 'SKIP_UNREVEALED' };
  if (content.kind === 'unknown') return { ...base, ...waiting(content) };
  const before = past.history.judged.get(key);
  const judged: Fate | null = before ? { status: 'judged', ...before } : null;
  const payload = payloadOf(content, past.arena);
  if (!payload.ok) return { ...base, ...(judged ?? rejected(payload.verdict, payload)) };
  const { image, digest, base: builtOn, payment } = payload.payload;
  const named = { ...base, image, digest, base: builtOn, paymentTx: payment?.tx ?? null };
  return {
    ...named,
    ...(judged ??
      unpaid(named, past) ??
      copied(named, past) ??
      replayed(named, past) ??
      admit(named, past)),
  };
}

function payloadOf(
  content: Extract<Commitment['content'], { kind: 'payload' | 'fault' }>,
  { fee, loopbackImages, images: { baseRepositories } }: Arena,
): ReturnType<typeof parsePayload> {
  if (content.kind === 'fault') return { ok: false, verdict: content.verdict, ...whyOf(content) };
  return parsePayload(content.bytes, { loopbackImages, baseRepositories, needsPayment: fee > 0 });
}

/** A submission whose payload is known. */
type Named = Claim & Pick<Submission, 'key' | 'paymentTx' | 'base'>;

/** Refused or left waiting for its payment; null, and the payment is spent, where it is paid. */
function unpaid({ key, paymentTx }: Named, { arena, payments, spent }: Past): Fate | null {
  if (arena.fee <= 0 || paymentTx === null) return null;
  const owner = spent.get(paymentTx);
  if (owner !== undefined && owner !== key)
    return rejected(
      'E_PAYMENT',
      because('payment-spent', `the payment ${paymentTx} already served ${owner}`),
    );
  const check = payments.get(key);
  if (!check) return waiting(because('payment-unread', 'the payment has not been looked up'));
  if (check.state === 'refused') return rejected('E_PAYMENT', check);
  if (check.state === 'unknown') return waiting(check);
  spent.set(paymentTx, key);
  return null;
}

/**
 * Refused where the same image ended by its own fault before, under the same rules: a failure is
 * replayed, a success never.
 */
function replayed({ key, digest, base }: Named, { history, rulesSha256 }: Past): Fate | null {
  const failure = history.failures.get(failureKey(digest, base));
  if (failure?.rulesSha256 !== rulesSha256 || history.returning.has(key)) return null;
  const detail = `the same image ended so in round ${failure.block}: ${failure.reason}`;
  return rejected(failure.verdict, because('replayed', detail, { value: failure.block }));
}

/** Refused where another hotkey committed the same image earlier; decided once, at its first plan. */
function copied(
  { key, digest, hotkey, commitBlock }: Named,
  { claims, history }: Past,
): Fate | null {
  if (history.admitted.has(key)) return null;
  const earlier = claims.find(
    (claim) =>
      claim.digest === digest && claim.hotkey !== hotkey && claim.commitBlock <= commitBlock,
  );
  if (!earlier) return null;
  const owner = submissionKey(earlier.hotkey, earlier.commitBlock);
  return rejected('E_COPY', because('same-digest', `the image of ${owner}, committed earlier`));
}

/**
 * A challenger of this round. Only now does it hold a claim: an unpaid submission could block a
 * rival's digest for nothing.
 */
function admit({ key, digest, hotkey, commitBlock }: Named, { claims, history }: Past): Fate {
  claims.push({ digest, hotkey, commitBlock });
  return {
    status: 'evaluate',
    role: 'challenger',
    verdict: null,
    ...because('admitted', 'valid, paid and revealed'),
    history: marginHistory(history, hotkey, digest),
    ...blamed(history, key),
  };
}

/** The fields of a submission that earlier rounds could not measure, for a reason of its own. */
function blamed(
  { shut, suspects }: Pick<History, 'shut' | 'suspects'>,
  key: string,
): Pick<Submission, 'shut' | 'suspect'> {
  const suspect = suspects.get(key);
  return { ...shutDoor({ shut }, key), ...(suspect === undefined ? {} : { suspect }) };
}

/** The field of a submission whose own registry kept it from being measured. */
function shutDoor({ shut }: Pick<History, 'shut'>, key: string): Pick<Submission, 'shut'> {
  const door = shut.get(key);
  return door === undefined ? {} : { shut: { ...door } };
}
