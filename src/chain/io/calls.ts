// Building of the competition's chain calls, as the runtime of the connected node takes them.
import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { toHex, utf8 } from '../../core/bytes.ts';
import type { Call } from '../chain.ts';
import { ChainError } from '../errors.ts';
import { MAX_COMMITMENT_CIPHERTEXT, MAX_WEIGHTS_CIPHERTEXT } from '../timelock.ts';

type Tx = SubmittableExtrinsic<'promise'>;

/**
 * Largest payload of a plain field, on new and on old runtimes. The metadata does not state them.
 */
const MAX_BIG_RAW = 512;
const MAX_RAW = 128;

// The library reads bytes as SCALE with a length in front: hex is what it takes as it is.
const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;

/** What this runtime has of the features that came later. */
export type Features = {
  readonly selectiveMetagraph: boolean;
  readonly bigRaw: boolean;
  readonly timelock: boolean;
};

/** Finds the features by name and shape. */
export function featuresOf(api: ApiPromise): Features {
  const has = (root: unknown, path: string): boolean =>
    path
      .split('.')
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], root) !==
    undefined;
  const fields = api.registry.lookup.types
    .filter(({ type }) => type.path.at(-1)?.toString() === 'Data')
    .map(({ type }) => JSON.stringify(type.def.toJSON()))
    .join();
  return {
    selectiveMetagraph: has(api.call, 'subnetInfoRuntimeApi.getSelectiveMetagraph'),
    bigRaw: fields.includes('BigRaw'),
    timelock: fields.includes('TimelockEncrypted') && has(api.query, 'drand.pulses'),
  };
}

const missing = (what: string, hint: string): ChainError =>
  new ChainError('MISSING_FEATURE', 'infra', what, hint);

/**
 * A call of the competition as this runtime takes it. Throws `MISSING_FEATURE` where it cannot,
 * `BAD_PAYLOAD` where the call is too large.
 */
export function buildCall(api: ApiPromise, features: Features, call: Call): Tx {
  const subtensor = api.tx['subtensorModule']!;
  const need = (name: string): NonNullable<(typeof subtensor)[string]> => {
    const found = subtensor[name];
    if (!found)
      throw missing(
        `this chain has no call subtensorModule.${name}`,
        'its runtime is too old for this way of setting weights',
      );
    return found;
  };
  switch (call.kind) {
    case 'set-weights':
      return need('setWeights')(
        call.netuid,
        call.row.map(({ uid }) => uid),
        call.row.map(({ weight }) => weight),
        call.versionKey,
      );
    case 'commit-weights':
      return need('commitWeights')(call.netuid, hex(call.hash));
    case 'reveal-weights':
      return need('revealWeights')(
        call.netuid,
        call.row.map(({ uid }) => uid),
        call.row.map(({ weight }) => weight),
        [...call.salt],
        call.versionKey,
      );
    case 'commit-timelocked-weights':
      if (call.ciphertext.length > MAX_WEIGHTS_CIPHERTEXT)
        throw new ChainError(
          'BAD_PAYLOAD',
          'usage',
          `the sealed weights have ${call.ciphertext.length} bytes, ${MAX_WEIGHTS_CIPHERTEXT} is the most`,
          'set fewer uids',
        );
      return need('commitTimelockedWeights')(
        call.netuid,
        hex(call.ciphertext),
        call.round,
        call.version,
      );
    case 'commit':
      return setCommitment(api, call.netuid, rawField(features, call.payload));
    case 'commit-sealed':
      if (!features.timelock)
        throw missing(
          'this chain takes no timelocked commitments',
          'use an arena with timelock false, or a newer runtime',
        );
      if (call.ciphertext.length > MAX_COMMITMENT_CIPHERTEXT)
        throw new ChainError(
          'BAD_PAYLOAD',
          'usage',
          `the sealed payload has ${call.ciphertext.length} bytes, ${MAX_COMMITMENT_CIPHERTEXT} is the most`,
          'shorten the image name',
        );
      return setCommitment(api, call.netuid, {
        TimelockEncrypted: { encrypted: hex(call.ciphertext), revealRound: call.round },
      });
    case 'pay':
      return api.tx['utility']['batchAll']([
        api.tx['balances']['transferKeepAlive'](call.treasury, call.amountRao),
        api.tx['system']['remark'](hex(utf8(call.remark))),
      ]);
  }
}

function setCommitment(api: ApiPromise, netuid: number, field: Record<string, unknown>): Tx {
  return api.tx['commitments']!['setCommitment']!(netuid, { fields: [field] });
}

/** The smallest field of this runtime that holds a payload. */
function rawField(features: Features, payload: Uint8Array): Record<string, string> {
  if (payload.length <= MAX_RAW) return { [`Raw${payload.length}`]: hex(payload) };
  if (!features.bigRaw)
    throw missing(
      `this chain takes commitments of at most ${MAX_RAW} bytes, the payload has ${payload.length}`,
      'use a runtime with BigRaw, or an arena without a fee and a short image name',
    );
  if (payload.length > MAX_BIG_RAW)
    throw new ChainError(
      'BAD_PAYLOAD',
      'usage',
      `the payload has ${payload.length} bytes, ${MAX_BIG_RAW} is the most`,
      'shorten the image name',
    );
  return { BigRaw: hex(payload) };
}
