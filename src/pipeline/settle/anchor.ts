// Anchors a ledger on chain, so that its signer cannot take back a record later.
import type { Arena } from '../../schema/arena.ts';
import type {
  ChainCommitment,
  ChainReader,
  ExtrinsicSigner,
  SubnetState,
} from '../../chain/chain.ts';
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Ledger } from '../../ledger/read.ts';
import { deliverExtrinsic, type Delivery } from '../../chain/delivery.ts';
import { epochNow } from './weight-row.ts';

/** A ledger's head as a validator anchors it on chain: number and hash of its newest record. */
export type Anchor = { readonly seq: number; readonly sha256: string };

/** The text of an anchor: it fits one Raw128 field, so that every runtime takes it. */
function anchorText({ seq, sha256 }: Anchor): string {
  return `cacheon:head:${seq}:${sha256}`;
}

/** The anchor that a hotkey's commitment holds, or null where it holds something else. */
export function anchorOf({ standing }: Pick<ChainCommitment, 'standing'>): Anchor | null {
  for (const field of standing?.fields ?? []) {
    const groups =
      field.kind === 'raw'
        ? /^cacheon:head:(\d{1,15}):([0-9a-f]{64})$/.exec(fromUtf8(field.bytes) ?? '')
        : null;
    if (groups) return { seq: Number(groups[1]), sha256: groups[2]! };
  }
  return null;
}

export type AnchorReport = {
  readonly anchored: boolean;
  readonly reason: string;
  readonly block: number | null;
};

const none = (reason: string): AnchorReport => ({ anchored: false, reason, block: null });

/** Why the hotkey's commitment is left alone; null where it may be written. */
function occupied({ standing }: ChainCommitment, wanted: Anchor): AnchorReport | null {
  const current = anchorOf({ standing });
  if (standing && !current) {
    const sealed = standing.fields.some(({ kind }) => kind === 'timelock');
    return none(
      sealed
        ? "the hotkey's commitment is sealed: another one would destroy it before its reveal"
        : "the hotkey's commitment says something else: clear it, or validate with a hotkey of its own",
    );
  }
  const same = current?.seq === wanted.seq && current.sha256 === wanted.sha256;
  return same ? none(`record ${wanted.seq} is anchored already`) : null;
}

/** Why it is too early for another anchor; null where it is time. */
function tooEarly(
  { standing }: ChainCommitment,
  state: SubnetState,
  netuid: number,
): AnchorReport | null {
  if (state.uid === null) return none('the hotkey is not registered');
  const { began, next } = epochNow(state, netuid);
  return standing && standing.block >= began
    ? none(`anchored once in this epoch: next at block ${next}`)
    : null;
}

/** What became of an anchor that was sent. */
function anchored(delivery: Delivery, { seq }: Anchor): AnchorReport {
  if (delivery.state === 'expired') return none('no block took it in time');
  if (delivery.state === 'refused') return none(`refused: ${delivery.refusal.name}`);
  if (delivery.outcome?.ok === false) return none(`failed: ${delivery.outcome.refusal.name}`);
  return { anchored: true, reason: `record ${seq}`, block: delivery.block.number };
}

/**
 * Anchors a ledger's head in its validator's own commitment, at most once an epoch: from then on
 * not even its signer can take back a record. The chain keeps one commitment per hotkey, so this
 * step leaves another commitment, sealed or plain, alone.
 */
export async function anchor(
  ports: { chain: ChainReader; wallet: ExtrinsicSigner; clock: Clock; log: Log },
  { netuid }: Pick<Arena, 'netuid'>,
  ledger: Pick<Ledger, 'records'>,
): Promise<AnchorReport> {
  const { chain, wallet, log } = ports;
  const head = ledger.records.at(-1);
  if (!head) return none('the ledger is empty');
  const wanted: Anchor = { seq: head.predicate.seq, sha256: head.sha256 };
  const commitment = await chain.commitment(wallet.address, netuid);
  const not =
    occupied(commitment, wanted) ??
    tooEarly(commitment, await chain.subnet(netuid, wallet.address), netuid);
  if (not) return not;
  const payload = utf8(anchorText(wanted));
  const transaction = await wallet.sign({ kind: 'commit', netuid, payload });
  // Something of this key waits in the pool, perhaps the anchor of a run that was cut off: once an
  // epoch is enough.
  if (transaction.nonce > (await chain.finalizedNonce(wallet.address)).nonce)
    return none('another transaction of this key waits');
  const report = anchored(await deliverExtrinsic(ports, transaction), wanted);
  if (report.anchored) log.info(`anchored record ${wanted.seq} at block ${report.block}`);
  return report;
}
