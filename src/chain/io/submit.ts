import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { DispatchError } from '@polkadot/types/interfaces';
import type { ISubmittableResult } from '@polkadot/types/types';
import { messageOf } from '../../core/errors.ts';
import type { SendOutcome } from '../chain.ts';

/** How long a transaction may take to be final: a short era's worth of blocks. */
const FINAL_MS = 300_000;
const ERA_BLOCKS = 32;

/** Errors after which the same transaction may succeed later. */
const RETRY = /TooFast|RateLimit|NeuronNoValidatorPermit|TooManyUnrevealed|SpaceLimitExceeded|ExhaustsResources|1012|1014|1016/;

/** Name of a dispatch error, as the runtime's metadata has it. */
export function dispatchErrorName(api: ApiPromise, error: DispatchError): string {
  if (!error.isModule) return error.toString();
  const { section, name } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}`;
}

/** Signs, sends and waits for finality. What the chain refuses is a value; the nonce comes from the pool-aware index. */
export async function signAndWait(
  api: ApiPromise,
  tx: SubmittableExtrinsic<'promise'>,
  pair: KeyringPair,
): Promise<SendOutcome & { events: ISubmittableResult['events'] }> {
  const nonce = (await api.rpc.system.accountNextIndex(pair.address)).toNumber();
  const signed = await tx.signAsync(pair, { nonce, era: ERA_BLOCKS });
  const extrinsicHash = signed.hash.toHex();
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ ok: false, extrinsicHash, reason: 'not final in time', retry: true, events: [] }),
      FINAL_MS,
    );
    const refuse = (reason: string): void => {
      clearTimeout(timer);
      resolve({ ok: false, extrinsicHash, reason, retry: RETRY.test(reason), events: [] });
    };
    const onResult = (result: ISubmittableResult): void => {
      if (result.isError) refuse(`status ${result.status.type}`);
      if (!result.status.isFinalized) return;
      clearTimeout(timer);
      const blockHash = result.status.asFinalized.toHex();
      if (result.dispatchError) {
        resolve({
          ok: false,
          extrinsicHash,
          reason: dispatchErrorName(api, result.dispatchError),
          retry: RETRY.test(dispatchErrorName(api, result.dispatchError)),
          events: result.events,
        });
        return;
      }
      api.rpc.chain.getHeader(blockHash).then(
        (header) =>
          resolve({
            ok: true,
            extrinsicHash,
            block: { number: header.number.toNumber(), hash: blockHash },
            events: result.events,
          }),
        (error: unknown) => refuse(messageOf(error)),
      );
    };
    signed.send(onResult).catch((error: unknown) => refuse(messageOf(error)));
  });
}
