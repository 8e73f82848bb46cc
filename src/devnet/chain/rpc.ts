// JSON-RPC methods of the embedded development chain, named as on a real Substrate node.
import { fromHex, toHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { PoolError } from './signed-extrinsic.ts';
import { metadataBytes } from './metadata.ts';
import type { Block } from './block.ts';
import type { ChainNode } from './node.ts';
import { RUNTIME_APIS, runtimeVersion } from './runtime-api.ts';

/** A JSON-RPC error with its code. */
export class RpcError extends Error {
  readonly rpcCode: number;
  readonly data: unknown;
  constructor(rpcCode: number, message: string, data?: unknown) {
    super(message);
    this.rpcCode = rpcCode;
    this.data = data;
  }
}

/** A connection's side of a subscription: `notify` sends one message of it. */
export type Subscriber = {
  start(method: string, begin: (notify: (result: unknown) => void) => () => void): string;
  stop(id: string): boolean;
};

type Params = readonly unknown[];
type Method = (params: Params, subscriber: Subscriber) => unknown;

/** Most keys of one page, as a node has it. */
const MAX_PAGE = 1000;

const text = (params: Params, index: number): string => {
  const value = params[index];
  if (typeof value !== 'string')
    throw new RpcError(-32602, `Invalid params: parameter ${index} must be a string`);
  return value;
};
const hex = (params: Params, index: number): Uint8Array => {
  const bytes = fromHex(text(params, index));
  if (bytes === null) throw new RpcError(-32602, `Invalid params: parameter ${index} must be hex`);
  return bytes;
};
const show = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : `0x${toHex(bytes)}`;

/** The embedded chain, as one set of methods sees it. */
type Methods = Readonly<Record<string, Method>>;

/** The block that a parameter names, or the head. */
function blockAt(node: ChainNode, params: Params, index: number): Block {
  const hash = params[index];
  if (hash === undefined || hash === null) return node.head;
  const block = node.blockByHash(text(params, index));
  if (block === null)
    throw new RpcError(
      4003,
      'Client error: Api called for an unknown Block',
      `Header was not found: ${text(params, index)}`,
    );
  return block;
}

const unsubscribe: Method = (params, subscriber) => subscriber.stop(text(params, 0));

/** Submitting and watching extrinsics. */
function authorMethods(node: ChainNode): Methods {
  const nextIndex: Method = (params) => node.nextNonce(text(params, 0));
  return {
    author_submitExtrinsic: (params) => node.submit(hex(params, 0)),
    author_submitAndWatchExtrinsic: (params, subscriber) => {
      const bytes = hex(params, 0);
      return subscriber.start('author_extrinsicUpdate', (notify) => {
        node.submit(bytes, notify);
        return () => undefined;
      });
    },
    author_unwatchExtrinsic: unsubscribe,
    author_pendingExtrinsics: () => node.pending(),
    system_accountNextIndex: nextIndex,
    account_nextIndex: nextIndex,
  };
}

/** Blocks and heads. */
function chainMethods(node: ChainNode): Methods {
  const heads: (name: string) => Method = (name) => (_, subscriber) =>
    subscriber.start(name, (notify) => {
      notify(node.head.header);
      return node.onBlock((block) => notify(block.header));
    });
  const blockHash: Method = (params) => {
    const wanted = params[0];
    if (wanted === undefined || wanted === null) return node.head.hash;
    if (Array.isArray(wanted))
      return wanted.map((number) => node.blocks[Number(number)]?.hash ?? null);
    return node.blocks[Number(wanted)]?.hash ?? null;
  };
  return {
    chain_getBlock: (params) => {
      const { header, extrinsics } = blockAt(node, params, 0);
      return { block: { header, extrinsics }, justifications: null };
    },
    chain_getBlockHash: blockHash,
    chain_getHead: blockHash,
    chain_getHeader: (params) => blockAt(node, params, 0).header,
    chain_getFinalizedHead: () => node.head.hash,
    chain_getFinalisedHead: () => node.head.hash,
    chain_subscribeNewHead: heads('chain_newHead'),
    chain_subscribeNewHeads: heads('chain_newHead'),
    chain_unsubscribeNewHead: unsubscribe,
    chain_unsubscribeNewHeads: unsubscribe,
    chain_subscribeAllHeads: heads('chain_allHead'),
    chain_unsubscribeAllHeads: unsubscribe,
    chain_subscribeFinalizedHeads: heads('chain_finalizedHead'),
    chain_unsubscribeFinalizedHeads: unsubscribe,
  };
}

/** Storage items at a block. */
function storageMethods(node: ChainNode): Methods {
  const raw = (params: Params): Uint8Array | null =>
    node.rawStorage(toHex(hex(params, 0)), blockAt(node, params, 1).number);
  const storageAt: Method = (params) => show(raw(params));
  const changes = (block: Block, keys: readonly string[]) => ({
    block: block.hash,
    changes: keys.map((key) => [
      key,
      show(node.rawStorage(key.slice(2).toLowerCase(), block.number)),
    ]),
  });
  return {
    state_getKeysPaged: (params) => {
      const prefix = toHex(hex(params, 0));
      const count = Math.min(Number(params[1]), MAX_PAGE);
      const from = typeof params[2] === 'string' ? params[2].replace(/^0x/, '').toLowerCase() : '';
      return node
        .rawKeys(prefix, blockAt(node, params, 3).number)
        .filter((key) => from === '' || from === prefix || key > from)
        .slice(0, count)
        .map((key) => `0x${key}`);
    },
    state_getKeys: (params) =>
      node.rawKeys(toHex(hex(params, 0)), blockAt(node, params, 1).number).map((key) => `0x${key}`),
    state_getStorage: storageAt,
    state_getStorageAt: storageAt,
    state_getStorageHash: (params) => {
      const value = raw(params);
      return value === null ? null : node.registry.hash(value).toHex();
    },
    state_getStorageSize: (params) => raw(params)?.length ?? null,
    state_queryStorageAt: (params) => [changes(blockAt(node, params, 1), params[0] as string[])],
    state_subscribeStorage: (params, subscriber) => {
      const keys = params[0] as string[];
      return subscriber.start('state_storage', (notify) => {
        notify(changes(node.head, keys));
        return node.onBlock((block, changed) => {
          const touched = new Set(changed.map(([key]) => `0x${key}`));
          const ours = keys.filter((key) => touched.has(key.toLowerCase()));
          if (ours.length > 0) notify(changes(block, ours));
        });
      });
    },
    state_unsubscribeStorage: unsubscribe,
  };
}

/** The runtime: its calls, metadata and version. */
function runtimeMethods(node: ChainNode): Methods {
  return {
    state_call: (params) => {
      const name = text(params, 0);
      const api = Object.hasOwn(RUNTIME_APIS, name) ? RUNTIME_APIS[name] : undefined;
      if (!api)
        throw new RpcError(
          4003,
          'Client error: Execution failed: Exported method ' + name + ' is not found',
        );
      return show(api(node, hex(params, 1), blockAt(node, params, 2).number));
    },
    state_getMetadata: () => show(metadataBytes(14)),
    state_getRuntimeVersion: (params) => runtimeVersion(node, blockAt(node, params, 0).number),
    state_subscribeRuntimeVersion: (_, subscriber) =>
      subscriber.start('state_runtimeVersion', (notify) => {
        let last = node.specVersion(node.head.number);
        notify(runtimeVersion(node, node.head.number));
        return node.onBlock(({ number }) => {
          if (node.specVersion(number) === last) return;
          last = node.specVersion(number);
          notify(runtimeVersion(node, number));
        });
      }),
    state_unsubscribeRuntimeVersion: unsubscribe,
  };
}

const PROPERTIES = { isEthereum: false, ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' };

/** What the node says of itself. */
const SYSTEM_METHODS: Methods = {
  system_chain: () => 'Bittensor',
  system_chainType: () => 'Local',
  system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
  system_name: () => 'cacheon-devnet',
  system_properties: () => PROPERTIES,
  system_version: () => '1',
};

/** Controls for tests, which no real node has. */
function controlMethods(node: ChainNode, controls: { save(): string | null }): Methods {
  return {
    dev_newBlock: (params) => {
      // As Chopsticks has it: some blocks, or (a jump there, the blocks themselves here) up to a
      // height.
      const wanted = (params[0] ?? {}) as { count?: number; unsafeBlockHeight?: number };
      const count =
        wanted.unsafeBlockHeight === undefined
          ? (wanted.count ?? 1)
          : wanted.unsafeBlockHeight - node.head.number;
      for (let i = 0; i < count; i++) node.build();
      return node.head.hash;
    },
    dev_pulse: (params) => {
      node.forcePulse(Number(params[0]));
      return node.head.hash;
    },
    dev_setCommitReveal: (params) => {
      const item = 'subtensorModule.commitRevealWeightsEnabled';
      node.storage.put(item, [node.genesis.netuid], params[0] === true);
      return node.build().hash;
    },
    dev_upgrade: (params) => {
      node.upgrade(Number(params[0]));
      return node.head.hash;
    },
    dev_setStorage: (params) => {
      for (const [key, value] of params[0] as [string, string | null][])
        node.storage.state.set(key.slice(2).toLowerCase(), value === null ? null : fromHex(value));
      return node.build().hash;
    },
    dev_snapshot: () => controls.save(),
  };
}

/**
 * The methods of the embedded chain. Controls for tests start with `dev_` and are not listed by
 * `rpc_methods`.
 */
export function rpcMethods(node: ChainNode, controls: { save(): string | null }): Methods {
  const methods: Methods = {
    ...authorMethods(node),
    ...chainMethods(node),
    ...storageMethods(node),
    ...runtimeMethods(node),
    ...SYSTEM_METHODS,
  };
  const names = [...Object.keys(methods), 'rpc_methods'].sort();
  return {
    ...methods,
    rpc_methods: () => ({ methods: names }),
    ...controlMethods(node, controls),
  };
}

/** The JSON-RPC error object of anything thrown. */
export function rpcError(error: unknown): { code: number; message: string; data?: unknown } {
  if (error instanceof PoolError)
    return { code: error.rpcCode, message: error.message, data: error.data };
  if (error instanceof RpcError)
    return {
      code: error.rpcCode,
      message: error.message,
      ...(error.data === undefined ? {} : { data: error.data }),
    };
  return { code: -32603, message: messageOf(error) };
}
