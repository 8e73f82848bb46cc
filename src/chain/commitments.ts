// What a miner's on-chain commitments say, and which of them counts.
import { because, type Reasoned } from '../schema/reasons.ts';
import type { ChainCommitment, StandingCommitment } from './chain.ts';
import { readRevealed } from './revealed-payload.ts';

/** What a commitment says. Names of faults are verdicts (RULES "Commitment fields"). */
type CommitmentContent =
  | { readonly kind: 'payload'; readonly bytes: Uint8Array }
  | ({
      readonly kind: 'fault';
      readonly verdict: 'E_PAYLOAD_DECODE' | 'E_AMBIGUOUS' | 'E_NO_PREIMAGE';
    } & Reasoned)
  | ({ readonly kind: 'hidden' } & Reasoned)
  /** No node can tell yet, and that is not the miner's fault. */
  | ({ readonly kind: 'unknown' } & Reasoned);

/**
 * One commitment of a hotkey: its block, the block of its reveal where it was sealed, and what it
 * says.
 */
export type CountedCommitment = {
  readonly commitBlock: number;
  readonly revealBlock: number | null;
  readonly content: CommitmentContent;
};

const fault = (
  verdict: 'E_PAYLOAD_DECODE' | 'E_AMBIGUOUS' | 'E_NO_PREIMAGE',
  ...why: Parameters<typeof because>
): CommitmentContent => ({ kind: 'fault', verdict, ...because(...why) });

/** Fields that say something: a bonds reset beside a payload changes nothing. */
const telling = ({ fields }: StandingCommitment): StandingCommitment['fields'] =>
  fields.filter((field) => field.kind !== 'reset-bonds');

function contentOf(standing: StandingCommitment): CommitmentContent {
  const fields = telling(standing);
  if (fields.length > 1)
    return fault('E_AMBIGUOUS', 'several-fields', `${fields.length} fields: which one counts?`);
  const field = fields[0];
  switch (field?.kind) {
    case 'raw':
      return { kind: 'payload', bytes: field.bytes };
    case 'timelock':
      return {
        kind: 'hidden',
        ...because('sealed', `sealed until drand round ${field.revealRound}`),
      };
    case 'hash':
      return fault(
        'E_NO_PREIMAGE',
        'hash-only',
        `only a ${field.algorithm} hash is committed, and nothing gives its content`,
      );
    default:
      return fault('E_PAYLOAD_DECODE', 'commitment-empty', 'the commitment is empty');
  }
}

/**
 * Block of the newest reveal whose commitment must be looked up in the past: something newer was
 * committed since, so the chain's note of the last commitment is no longer that one's. Null where
 * nothing needs looking up.
 */
export function revealToDate({ standing, revealed, lastBlock }: ChainCommitment): number | null {
  const newest = revealed.at(-1);
  if (!newest || lastBlock === null || lastBlock < newest.block) return null;
  // A plain commitment after the reveal counts now, whatever the reveal said.
  return standing && contentOf(standing).kind !== 'hidden' ? null : newest.block;
}

const undated = (revealBlock: number): CommitmentContent => ({
  kind: 'unknown',
  ...because(
    'undated',
    `revealed at block ${revealBlock}, but the node no longer knows when it was committed: an archive endpoint does`,
  ),
});

const revealedContent = (
  { bytes }: { readonly bytes: Uint8Array },
  ambiguous: boolean,
): CommitmentContent =>
  ambiguous
    ? fault('E_AMBIGUOUS', 'several-fields', 'several fields of one commitment: which one counts?')
    : { kind: 'payload', bytes: readRevealed(bytes).bytes };

/** The newest reveal, as far as it counts: nothing plain was committed since. */
function revealedLine(
  commitment: ChainCommitment,
  newest: ChainCommitment['revealed'][number],
  commitBlock: number | null,
): CountedCommitment | null {
  const { standing, revealed, lastBlock } = commitment;
  const beside = standing !== null && standing.block < newest.block;
  if (standing && !beside && contentOf(standing).kind !== 'hidden') return null;
  const dated = revealToDate(commitment) === null ? lastBlock : commitBlock;
  // What stands beside a newer reveal is the rest of the same commitment: several fields, one of
  // which was sealed.
  const rest = beside ? telling(standing).length : 0;
  const twin = revealed.at(-2)?.block === newest.block;
  return {
    commitBlock: dated ?? newest.block,
    revealBlock: newest.block,
    content: dated === null ? undated(newest.block) : revealedContent(newest, rest > 0 || twin),
  };
}

/** What stands on chain since the newest reveal; a seal that is gone without one still counts. */
function standingLine(
  { standing, lastBlock }: ChainCommitment,
  since: number,
): CountedCommitment | null {
  if (standing !== null)
    return standing.block >= since
      ? { commitBlock: standing.block, revealBlock: null, content: contentOf(standing) }
      : null;
  if (lastBlock === null || lastBlock < since) return null;
  const lost = because(
    'never-opened',
    'sealed, and gone at its reveal: the chain could not open it',
  );
  return { commitBlock: lastBlock, revealBlock: null, content: { kind: 'hidden', ...lost } };
}

/**
 * A hotkey's commitments as they count: the newest plain or revealed one, and the commitment that
 * is still sealed. `commitBlock` dates the newest reveal where {@link revealToDate} asks for it;
 * null says that no node at hand knows (RULES "Commit block of a reveal": a reveal carries its own
 * block only).
 */
export function countedCommitments(
  commitment: ChainCommitment,
  commitBlock: number | null,
): CountedCommitment[] {
  const newest = commitment.revealed.at(-1);
  const revealed = newest ? revealedLine(commitment, newest, commitBlock) : null;
  return [revealed, standingLine(commitment, newest?.block ?? 0)].flatMap((line) => line ?? []);
}
