// Key-value state of the embedded chain with full history and transactional overlays.
/** One change: a key (hex, no prefix) and its new bytes, null where it was removed. */
export type Change = readonly [key: string, value: Uint8Array | null];

/**
 * Storage with its whole history: every key keeps its value at each block that changed it, so state
 * at any block hash costs nothing. Writes go to the innermost overlay; a failed call drops its
 * overlay and leaves no trace.
 */
export class State {
  readonly #history = new Map<string, [block: number, value: Uint8Array | null][]>();
  readonly #overlays: Map<string, Uint8Array | null>[] = [new Map<string, Uint8Array | null>()];

  /** Value now (with overlays), or at the end of `block`. */
  get(key: string, block?: number): Uint8Array | null {
    if (block === undefined) {
      for (let i = this.#overlays.length - 1; i >= 0; i--) {
        const value = this.#overlays[i]!.get(key);
        if (value !== undefined) return value;
      }
    }
    const entries = this.#history.get(key) ?? [];
    for (let i = entries.length - 1; i >= 0; i--) {
      if (block === undefined || entries[i]![0] <= block) return entries[i]![1];
    }
    return null;
  }

  set(key: string, value: Uint8Array | null): void {
    this.#overlays.at(-1)!.set(key, value);
  }

  /** Runs `work` on an overlay of its own, which stays only where it returns true. */
  attempt(work: () => boolean): boolean {
    this.#overlays.push(new Map());
    let keep = false;
    try {
      keep = work();
    } finally {
      const overlay = this.#overlays.pop()!;
      if (keep) for (const [key, value] of overlay) this.set(key, value);
    }
    return keep;
  }

  /** Ends the block in work: its changes become history. */
  commit(block: number): Change[] {
    const changes = [...this.#overlays[0]!];
    for (const [key, value] of changes) {
      const entries = this.#history.get(key) ?? [];
      entries.push([block, value]);
      this.#history.set(key, entries);
    }
    this.#overlays[0]!.clear();
    return changes;
  }

  /** Keys with a prefix that hold a value at the end of `block`, in order of bytes. */
  keys(prefix: string, block: number): string[] {
    return [...this.#history.keys()]
      .filter((key) => key.startsWith(prefix) && this.get(key, block) !== null)
      .sort();
  }

  /** Everything, for a snapshot file. */
  dump(): [key: string, entries: [block: number, hex: string | null][]][] {
    return [...this.#history].map(([key, entries]) => [
      key,
      entries.map(([block, value]) => [
        block,
        value === null ? null : Buffer.from(value).toString('hex'),
      ]),
    ]);
  }

  /** Takes a dump back in. */
  load(dump: ReturnType<State['dump']>): void {
    for (const [key, entries] of dump)
      this.#history.set(
        key,
        entries.map(([block, hex]) => [
          block,
          hex === null ? null : new Uint8Array(Buffer.from(hex, 'hex')),
        ]),
      );
  }
}
