import type { ChainCommitment, CommitmentField } from './chain.ts';

/** Why a commitment holds no payload. Names are verdicts of DESIGN section 2.1. */
export type CommitmentContent =
  | { readonly kind: 'payload'; readonly bytes: Uint8Array }
  | { readonly kind: 'fault'; readonly verdict: 'E_PAYLOAD_DECODE' | 'E_AMBIGUOUS' | 'E_NO_PREIMAGE'; readonly reason: string }
  | { readonly kind: 'hidden'; readonly revealRound: number };

/** The payload of a commitment's fields. A bonds reset beside it changes nothing; two payloads are ambiguous. */
export function commitmentContent({ fields }: ChainCommitment): CommitmentContent {
  const telling = fields.filter((field) => field.kind !== 'reset-bonds');
  const fault = (verdict: 'E_PAYLOAD_DECODE' | 'E_AMBIGUOUS' | 'E_NO_PREIMAGE', reason: string): CommitmentContent => ({
    kind: 'fault',
    verdict,
    reason,
  });
  if (telling.length > 1) return fault('E_AMBIGUOUS', `${telling.length} fields: which one counts?`);
  const field: CommitmentField | undefined = telling[0];
  switch (field?.kind) {
    case 'raw':
      return { kind: 'payload', bytes: field.bytes };
    case 'timelock':
      return { kind: 'hidden', revealRound: field.revealRound };
    case 'hash':
      return fault('E_NO_PREIMAGE', `only a ${field.algorithm} hash is committed, and nothing gives its content`);
    default:
      return fault('E_PAYLOAD_DECODE', 'the commitment is empty');
  }
}
