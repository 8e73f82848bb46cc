// What a round leaves on a validator's own disk until its record is in the ledger.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFolder } from '../ledger/io/results-folder.ts';
import type { FileSet } from '../ledger/store.ts';
import { EVIDENCE_FOLDERS } from '../schema/paths.ts';

/** How far a shard came: a process may have died while it measured. */
export type ShardState = 'new' | 'begun' | 'done';

/**
 * The evidence of one plan, and which of its shards were begun. Only scratch: the ledger alone says
 * what a validator has to do, and without this folder a plan is measured again by its own seed.
 */
export class RoundFolder {
  readonly path: string;

  constructor(home: string, validator: string, block: number) {
    this.path = join(home, validator, String(block));
    mkdirSync(this.path, { recursive: true });
  }

  #mark(shard: number, state: 'begun' | 'done'): string {
    return join(this.path, `shard-${shard}.${state}`);
  }

  stateOf(shard: number): ShardState {
    if (existsSync(this.#mark(shard, 'done'))) return 'done';
    return existsSync(this.#mark(shard, 'begun')) ? 'begun' : 'new';
  }

  begin(shard: number): void {
    writeFileSync(this.#mark(shard, 'begun'), '');
  }

  finish(shard: number): void {
    writeFileSync(this.#mark(shard, 'done'), '');
  }

  /** Traces, logs and the rest, as a record lists them. */
  evidence(): FileSet {
    return new Map([...readFolder(this.path)].filter(([path]) => EVIDENCE_FOLDERS.test(path)));
  }

  /** The record is in the ledger, and all of it with it. */
  clear(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
