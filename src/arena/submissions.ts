// Which submissions a round measures, rejects or leaves waiting, and why.
import { compare } from '../core/order.ts';
import type { Arena } from '../schema/arena.ts';
import type { MinerFault, Verdict } from '../schema/verdicts.ts';
import { parsePayload } from './payload.ts';
import { afterDeregistration, type Standing } from './ranking.ts';

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
    | { readonly kind: 'fault'; readonly verdict: MinerFault; readonly reason: string }
    | { readonly kind: 'hidden'; readonly reason: string }
    | { readonly kind: 'unknown'; readonly reason: string };
};

/**
 * Outcome of looking a payment up. `unknown` means that no node could tell (say, state no longer
 * kept): the next scan asks again.
 */
export type PaymentCheck =
  | { readonly state: 'paid' }
  | { readonly state: 'refused'; readonly reason: string }
  | { readonly state: 'unknown'; readonly reason: string };

/** Sum of an image's clipped margins over all its rounds, for the running mean. */
export type ImageHistory = {
  readonly rounds: number;
  readonly tokens: number;
  readonly clippedNats: number;
};

/** What the ledger says about earlier rounds. */
export type History = {
  readonly standing: Standing;
  /** Final verdicts by submission key. */
  readonly judged: ReadonlyMap<string, { readonly verdict: Verdict; readonly reason: string }>;
  /** Digests of earlier valid submissions. */
  readonly claims: readonly Claim[];
  /** Payment hash -> the submission it already served. */
  readonly payments: ReadonlyMap<string, string>;
  readonly images: ReadonlyMap<string, ImageHistory>;
  /**
   * Commit block of a revealed submission, by `hotkey:revealBlock`: the chain forgets it within the
   * hour.
   */
  readonly dated: ReadonlyMap<string, number>;
  /** Submissions that an earlier plan found paid, by key. */
  readonly paid: ReadonlySet<string>;
  /**
   * Block of the round that first found a submission's image gone from its registry, where no later
   * one found it there.
   */
  readonly gone: ReadonlyMap<string, number>;
};
export type Claim = {
  readonly digest: string;
  readonly hotkey: string;
  readonly commitBlock: number;
};

export const EMPTY_HISTORY: History = {
  standing: { winner: null, runnerUp: null },
  judged: new Map(),
  claims: [],
  payments: new Map(),
  images: new Map(),
  dated: new Map(),
  paid: new Set(),
  gone: new Map(),
};

type SubmissionStatus = 'evaluate' | 'rejected' | 'judged' | 'waiting';

/**
 * One line of a plan. Every submission that the chain shows is listed, so that an omission is seen.
 */
export type Submission = {
  key: string;
  hotkey: string;
  coldkey: string;
  uid: number;
  commitBlock: number;
  revealBlock: number | null;
  image: string | null;
  digest: string | null;
  paymentTx: string | null;
  status: SubmissionStatus;
  role: 'challenger' | 'winner' | 'runner-up' | null;
  verdict: Verdict | 'SKIP_UNREVEALED' | null;
  reason: string;
  history: ImageHistory | null;
  /** See `History.gone`; absent where it was there. */
  goneSince?: number | undefined;
};

/** Key of a submission: `hotkey:commitBlock`. */
export function submissionKey(hotkey: string, commitBlock: number): string {
  return `${hotkey}:${commitBlock}`;
}

/**
 * Earlier commit first, then the smaller hotkey: the order in which copies and payments are judged.
 */
function byCommit(a: Commitment, b: Commitment): number {
  return a.commitBlock - b.commitBlock || compare(a.hotkey, b.hotkey);
}

/**
 * Every submission at one block with its status. Pure: the same chain state, payments and ledger
 * give the same list, whatever their order. Hotkeys without a uid, and commitments older than the
 * registration, are not submissions: the slot may have changed hands.
 */
export function listSubmissions(
  arena: Arena,
  chain: { neurons: readonly Neuron[]; commitments: readonly Commitment[] },
  payments: ReadonlyMap<string, PaymentCheck>,
  history: History,
): { submissions: Submission[]; standing: Standing } {
  const neurons = new Map(chain.neurons.map((neuron) => [neuron.hotkey, neuron]));
  const standing = afterDeregistration(history.standing, (place) => neurons.has(place.hotkey));
  const claims: Claim[] = [...history.claims];
  const spent = new Map(history.payments);
  const submissions: Submission[] = [];

  for (const commitment of [...chain.commitments].sort(byCommit)) {
    const neuron = neurons.get(commitment.hotkey);
    if (!neuron || commitment.commitBlock < neuron.registeredAt) continue;
    const submission = judgeEntry(arena, commitment, neuron, payments, { claims, spent, history });
    submissions.push(submission);
  }
  // Incumbents are measured in every round, also when their hotkey has committed something newer.
  for (const [role, place] of [
    ['winner', standing.winner],
    ['runner-up', standing.runnerUp],
  ] as const) {
    if (!place) continue;
    const listed = submissions.find((submission) => submission.key === place.key);
    const neuron = neurons.get(place.hotkey)!;
    const entry: Submission = {
      ...(listed ?? {
        key: place.key,
        hotkey: place.hotkey,
        commitBlock: place.commitBlock,
        revealBlock: null,
        paymentTx: null,
      }),
      coldkey: neuron.coldkey,
      uid: neuron.uid,
      image: place.image,
      digest: place.digest,
      status: 'evaluate',
      role,
      verdict: null,
      reason: `the standing ${role}`,
      history: history.images.get(place.digest) ?? null,
      ...goneSince(history, place.key),
    };
    if (listed) submissions[submissions.indexOf(listed)] = entry;
    else submissions.push(entry);
  }
  return { submissions, standing };
}

function judgeEntry(
  arena: Arena,
  commitment: Commitment,
  neuron: Neuron,
  payments: ReadonlyMap<string, PaymentCheck>,
  past: { claims: Claim[]; spent: Map<string, string>; history: History },
): Submission {
  const key = submissionKey(commitment.hotkey, commitment.commitBlock);
  const base: Submission = {
    key,
    hotkey: commitment.hotkey,
    coldkey: neuron.coldkey,
    uid: neuron.uid,
    commitBlock: commitment.commitBlock,
    revealBlock: commitment.revealBlock,
    image: null,
    digest: null,
    paymentTx: null,
    status: 'rejected',
    role: null,
    verdict: null,
    reason: '',
    history: null,
  };
  const { content } = commitment;
  if (content.kind === 'hidden')
    return { ...base, status: 'waiting', verdict: 'SKIP_UNREVEALED', reason: content.reason };
  if (content.kind === 'unknown') return { ...base, status: 'waiting', reason: content.reason };
  const done = past.history.judged.get(key);
  const reject = (
    verdict: MinerFault,
    reason: string,
    known: Partial<Submission> = {},
  ): Submission =>
    done
      ? { ...base, ...known, status: 'judged', verdict: done.verdict, reason: done.reason }
      : { ...base, ...known, verdict, reason };
  if (content.kind === 'fault') return reject(content.verdict, content.reason);

  const parsed = parsePayload(content.bytes, {
    loopbackImages: arena.loopbackImages,
    needsPayment: arena.fee > 0,
  });
  if (!parsed.ok) return reject(parsed.verdict, parsed.reason);
  const { image, digest, payment } = parsed.payload;
  const known = { image, digest, paymentTx: payment?.tx ?? null };
  if (done)
    return { ...base, ...known, status: 'judged', verdict: done.verdict, reason: done.reason };

  if (arena.fee > 0 && payment) {
    const owner = past.spent.get(payment.tx);
    if (owner !== undefined && owner !== key)
      return reject('E_PAYMENT', `the payment ${payment.tx} already served ${owner}`, known);
    const check = payments.get(key);
    if (check?.state === 'refused') return reject('E_PAYMENT', check.reason, known);
    if (check?.state !== 'paid')
      return {
        ...base,
        ...known,
        status: 'waiting',
        reason: check?.reason ?? 'the payment has not been looked up',
      };
    past.spent.set(payment.tx, key);
  }
  // Only paid submissions hold a claim: else a miner could block a rival's digest for nothing.
  const earlier = past.claims.find(
    (claim) =>
      claim.digest === digest &&
      claim.hotkey !== commitment.hotkey &&
      claim.commitBlock <= commitment.commitBlock,
  );
  if (earlier)
    return reject(
      'E_COPY',
      `the image of ${submissionKey(earlier.hotkey, earlier.commitBlock)}, committed earlier`,
      known,
    );
  past.claims.push({ digest, hotkey: commitment.hotkey, commitBlock: commitment.commitBlock });
  return {
    ...base,
    ...known,
    status: 'evaluate',
    role: 'challenger',
    reason: 'valid, paid and revealed',
    history: past.history.images.get(digest) ?? null,
    ...goneSince(past.history, key),
  };
}

/** The field of a submission whose image was gone when it was last looked for. */
function goneSince({ gone }: Pick<History, 'gone'>, key: string): { goneSince?: number } {
  const block = gone.get(key);
  return block === undefined ? {} : { goneSince: block };
}
