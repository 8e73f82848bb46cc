// Progress of a shard for its job's summary: a row for each server as its trace is kept.
import { counted } from '../core/counted.ts';
import { tracePlace } from '../schema/paths.ts';
import { cell } from './summary.ts';

const HEAD = '| minute | boot | server |\n| --- | --- | --- |\n';
const NS_PER_MINUTE = 60e9;

/**
 * Rows of a table, one for each arm whose trace was kept, with the minutes since the shard began.
 * They are written as they come: a job that is ended at its limit still shows how far it got.
 */
export class ShardProgress {
  readonly #write: (markdown: string) => void;
  readonly #nowNs: () => number;
  readonly #beganNs: number;
  readonly #seen = new Set<string>();

  constructor(write: (markdown: string) => void, nowNs: () => number) {
    this.#write = write;
    this.#nowNs = nowNs;
    this.#beganNs = nowNs();
  }

  /** Takes a path of evidence; a trace is kept again once the reference has spoken: that is no row. */
  kept(path: string): void {
    const place = tracePlace(path);
    if (place === null || this.#seen.has(path)) return;
    const head = this.#seen.size === 0 ? `### Shard ${place.shard}\n\n${HEAD}` : '';
    this.#seen.add(path);
    const run = place.run === 1 ? place.name : `${place.name}, run ${place.run}`;
    this.#write(`${head}| ${this.#minutes()} | ${place.boot} | ${cell(run)} |\n`);
  }

  /** The last line: how long it all took, of how many minutes that the job had. */
  close(): void {
    this.#write(`\n${this.#minutes()} minutes, ${counted(this.#seen.size, 'run')} of servers.\n`);
  }

  #minutes(): string {
    return ((this.#nowNs() - this.#beganNs) / NS_PER_MINUTE).toFixed(1);
  }
}
