// Wires what publishing and settling need: a hotkey, its ledger, its chain account, randomness.
import { weightsEntropy } from '../chain/io/entropy.ts';
import type { KeyringPair } from '@polkadot/keyring/types';
import { HOTKEY_VARIABLE, keyPair } from '../chain/io/key-pairs.ts';
import type { ChainReader, ExtrinsicSigner } from '../chain/chain.ts';
import type { Log } from '../core/log.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import type { ResultStore } from '../ledger/store.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import type { SettlePorts } from '../pipeline/settle/settle.ts';

/** The validator's key pair from its environment variable. Throws `BAD_KEY` and `NO_KEY`. */
export function validatorPair(): KeyringPair {
  return keyPair(process.env[HOTKEY_VARIABLE], HOTKEY_VARIABLE);
}

/** The ledger that a key pair signs, in its store. */
export function ledgerOf(pair: KeyringPair, store: ResultStore): OwnLedger {
  return new OwnLedger(store, signerOf(pair));
}

/** A chain that can also sign for a pair. */
type SigningChain = ChainReader & { transactor(pair: KeyringPair): ExtrinsicSigner };

/** Everything that settling needs. */
export function settlePorts(
  chain: SigningChain,
  pair: KeyringPair,
  ledger: OwnLedger,
  log: Log,
): SettlePorts {
  return {
    chain,
    wallet: chain.transactor(pair),
    ledger,
    clock: monotonicClock,
    entropy: weightsEntropy,
    log,
  };
}
