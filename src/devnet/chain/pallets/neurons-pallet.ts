// Registration of neurons on the embedded chain's subnet.
import type { Vec } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import type { Storage } from '../storage.ts';
import { argument, fail, type Handler } from './dispatch.ts';
import { withdraw } from './money-pallet.ts';

/** A neuron before it has its uid. */
type NewNeuron = {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly block: number;
  readonly permit?: boolean;
};

/** Adds a neuron at the next free uid. */
export function register(
  storage: Storage,
  netuid: number,
  { hotkey, coldkey, block, permit = false }: NewNeuron,
): number {
  const uid = storage.number('subtensorModule.subnetworkN', netuid);
  storage.put('subtensorModule.subnetworkN', [netuid], uid + 1);
  storage.put('subtensorModule.uids', [netuid, hotkey], uid);
  storage.put('subtensorModule.keys', [netuid, uid], hotkey);
  storage.put('subtensorModule.owner', [hotkey], coldkey);
  storage.put('subtensorModule.isNetworkMember', [hotkey, netuid], true);
  storage.put('subtensorModule.blockAtRegistration', [netuid, uid], block);
  const grow = (item: string, value: unknown): void => {
    const list = [...(storage.get(`subtensorModule.${item}`, netuid) as Vec<Codec>)].map((entry) =>
      entry.toJSON(),
    );
    storage.put(`subtensorModule.${item}`, [netuid], [...list, value]);
  };
  grow('active', true);
  grow('validatorPermit', permit);
  grow('lastUpdate', block);
  return uid;
}

const burnedRegister: Handler = (context, call) => {
  const netuid = Number(argument(call, 0));
  const hotkey = argument(call, 1);
  const { storage, who, block } = context;
  if (storage.get('subtensorModule.networksAdded', netuid)!.toString() !== 'true')
    fail('SubtensorModule', 'MechanismDoesNotExist');
  if (storage.get('subtensorModule.uids', netuid, hotkey) !== null)
    fail('SubtensorModule', 'HotKeyAlreadyRegisteredInSubNet');
  withdraw(storage, who, BigInt(storage.get('subtensorModule.burn', netuid)!.toString()), true);
  const uid = register(storage, netuid, { hotkey, coldkey: who, block });
  context.emit('SubtensorModule', 'NeuronRegistered', netuid, uid, hotkey);
};

/** Calls that register neurons. */
export const NEURONS: Readonly<Record<string, Handler>> = {
  'subtensorModule.burnedRegister': burnedRegister,
};
