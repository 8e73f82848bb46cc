// What a job's summary shows of a shard while it is measured.
import { describe, expect, it } from 'vitest';
import { tracePath } from '../schema/paths.ts';
import { ShardProgress } from './shard-progress.ts';

describe('progress of a shard', () => {
  const setUp = () => {
    let nowNs = 0;
    const written: string[] = [];
    const progress = new ShardProgress(
      (text) => void written.push(text),
      () => nowNs,
    );
    return { progress, written, pass: (minutes: number) => void (nowNs += minutes * 60e9) };
  };
  it('has a row for each run of a server, the moment that its trace is kept', () => {
    const { progress, written, pass } = setUp();
    pass(4.25);
    progress.kept(tracePath(3, 1, 'baseline', 1));
    expect(written).toEqual([
      '### Shard 3\n\n| minute | boot | server |\n| --- | --- | --- |\n| 4.3 | 1 | baseline |\n',
    ]);
    pass(5);
    progress.kept(tracePath(3, 1, 'baseline', 2));
    expect(written.at(-1)).toBe('| 9.3 | 1 | baseline, run 2 |\n');
  });
  it('passes over what is no trace, and a trace that is kept once more', () => {
    const { progress, written } = setUp();
    progress.kept('prompts/0/1.ndjson.gz');
    progress.kept(tracePath(0, 1, '5Hot:7', 1));
    progress.kept(tracePath(0, 1, '5Hot:7', 1));
    expect(written).toHaveLength(1);
    progress.close();
    expect(written.at(-1)).toBe('\n0.0 minutes, 1 run of servers.\n');
  });
});
