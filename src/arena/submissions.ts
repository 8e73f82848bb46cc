// Which submissions a round measures, rejects or leaves waiting, and why.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { compare } from '../core/order.ts';
import type { Arena } from '../schema/arena.ts';
import type { MinerFault } from '../schema/verdicts.ts';
import { parsePayload } from './payload.ts';
import { type Claim, type History } from './history.ts';
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
};

/** What becomes of a submission: the fields that a decision sets. */
type Fate = Pick<Submission, 'status' | 'verdict' | 'reason' | 'reasons'> & Partial<Submission>;

const waiting = (why: Reasoned): Fate => ({ status: 'waiting', verdict: null, ...whyOf(why) });
const rejected = (verdict: MinerFault, why: Reasoned): Fate => ({
  status: 'rejected',
  verdict,
  ...whyOf(why),
});

/**
 * Every submission at one block with its status. Pure: the same chain state, payments and ledger
 * give the same list, whatever their order. Hotkeys without a uid, and commitments older than the
 * registration, are not submissions: the slot may have changed hands.
 */
export function listSubmissions(
  arena: Arena,
  chain: ChainView,
  history: History,
): { submissions: Submission[]; standing: Standing } {
  const neurons = new Map(chain.neurons.map((neuron) => [neuron.hotkey, neuron]));
  const standing = afterDeregistration(history.standing, (place) => neurons.has(place.hotkey));
  const past: Past = {
    arena,
    history,
    payments: chain.payments,
    claims: [...history.claims],
    spent: new Map(history.payments),
  };
  const submissions: Submission[] = [];
  for (const commitment of [...chain.commitments].sort(byCommit)) {
    const neuron = neurons.get(commitment.hotkey);
    if (!neuron || commitment.commitBlock < neuron.registeredAt) continue;
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
  return { submissions, standing };
}

/** The line of a standing winner or runner-up, also where the chain no longer shows it. */
function incumbent(
  role: 'winner' | 'runner-up',
  place: Place,
  { neuron, listed, history }: { neuron: Neuron; listed: Submission | undefined; history: History },
): Submission {
  const { key, hotkey, commitBlock, image, digest } = place;
  return {
    ...(listed ?? { key, hotkey, commitBlock, revealBlock: null, paymentTx: null }),
    coldkey: neuron.coldkey,
    uid: neuron.uid,
    image,
    digest,
    status: 'evaluate',
    role,
    verdict: null,
    ...because('incumbent', `the standing ${role}`),
    history: history.images.get(digest) ?? null,
    ...goneSince(history, key),
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
  const { image, digest, payment } = payload.payload;
  const named = { ...base, image, digest, paymentTx: payment?.tx ?? null };
  return {
    ...named,
    ...(judged ?? unpaid(named, past) ?? copied(named, past) ?? admit(named, past)),
  };
}

function payloadOf(
  content: Extract<Commitment['content'], { kind: 'payload' | 'fault' }>,
  { fee, loopbackImages }: Arena,
): ReturnType<typeof parsePayload> {
  if (content.kind === 'fault') return { ok: false, verdict: content.verdict, ...whyOf(content) };
  return parsePayload(content.bytes, { loopbackImages, needsPayment: fee > 0 });
}

/** A submission whose payload is known. */
type Named = Claim & Pick<Submission, 'key' | 'paymentTx'>;

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

/** Refused where another hotkey committed the same image earlier. */
function copied({ digest, hotkey, commitBlock }: Named, { claims }: Past): Fate | null {
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
    history: history.images.get(digest) ?? null,
    ...goneSince(history, key),
  };
}

/** The field of a submission whose image was gone when it was last looked for. */
function goneSince({ gone }: Pick<History, 'gone'>, key: string): { goneSince?: number } {
  const block = gone.get(key);
  return block === undefined ? {} : { goneSince: block };
}
