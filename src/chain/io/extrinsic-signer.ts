// Signing of chain calls with a key: nonce, era and encoded bytes.
import type { ApiPromise } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Call, SignedTransaction, ExtrinsicSigner } from '../chain.ts';
import { buildCall, type Features } from './calls.ts';

/**
 * Blocks for which a signed transaction may be included: short, for the chain's fixed priorities
 * make a waiting nonce irreplaceable.
 */
const ERA_BLOCKS = 32;

/**
 * Signs calls with one key on one chain. The nonce counts what waits in the pool; the era begins at
 * a finalized block.
 */
export function extrinsicSigner(
  connection: () => Promise<{ api: ApiPromise; features: Features }>,
  pair: KeyringPair,
): ExtrinsicSigner {
  return {
    address: pair.address,
    sign: async (call: Call): Promise<SignedTransaction> => {
      const { api, features } = await connection();
      const tx = buildCall(api, features, call);
      const [nonce, blockHash] = await Promise.all([
        api.rpc.system.accountNextIndex(pair.address),
        api.rpc.chain.getFinalizedHead(),
      ]);
      const number = (await api.rpc.chain.getHeader(blockHash)).number.toNumber();
      const era = api.registry.createType('ExtrinsicEra', { current: number, period: ERA_BLOCKS });
      const signed = await tx.signAsync(pair, { nonce: nonce.toNumber(), era, blockHash });
      return {
        extrinsic: signed.toHex(),
        hash: signed.hash.toHex(),
        signer: pair.address,
        nonce: nonce.toNumber(),
        firstBlock: number + 1,
        // The era names its birth by the number modulo its period, and ends one period after it:
        // the block of death is no longer valid.
        lastBlock: era.asMortalEra.death(number) - 1,
      };
    },
    feeRao: async (call) => {
      const { api, features } = await connection();
      return BigInt((await buildCall(api, features, call).paymentInfo(pair)).partialFee.toString());
    },
  };
}
