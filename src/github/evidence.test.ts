// Evidence on its way: arm by arm into artifacts, and only planned ones of their own shard out.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { silentLog } from '../core/log.ts';
import { evidenceName, evidenceOf, packFiles } from './artifact-content.ts';
import { EvidenceOutbox } from './io/evidence-outbox.ts';

const artifact = (files: Record<string, string>): Uint8Array =>
  utf8(packFiles(new Map(Object.entries(files).map(([path, text]) => [path, utf8(text)]))));
const textOf = (files: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]));

/** An outbox, what it uploaded, and how often each name fails first. */
function bench(fails: Record<string, number> = {}) {
  const uploaded = new Map<string, Uint8Array>();
  const upload = (name: string, content: string): Promise<void> => {
    const left = fails[name] ?? 0;
    if (left > 0) {
      fails[name] = left - 1;
      return Promise.reject(new Error('no network'));
    }
    uploaded.set(name, utf8(content));
    return Promise.resolve();
  };
  return { outbox: new EvidenceOutbox(upload, silentLog), uploaded };
}

describe('an outbox', () => {
  it('sends each arm as its trace ends it, with all that came before', async () => {
    const { outbox, uploaded } = bench();
    outbox.keep('prompts/1/1.ndjson.gz', utf8('p'));
    outbox.keep('logs/1/1/baseline.log.gz', utf8('l'));
    outbox.keep('traces/1/1/baseline.ndjson.gz', utf8('b'));
    await outbox.sent();
    expect([...uploaded.keys()]).toEqual(['traces-1-1-0']);
    outbox.keep('images/1/a-5.json.gz', utf8('i'));
    outbox.keep('traces/1/1/a-5.ndjson.gz', utf8('a'));
    outbox.keep('traces/1/2/a-5.ndjson.gz', utf8('a2'));
    outbox.keep('traces/1/1/a-5.ndjson.gz', utf8('a, forced'));
    outbox.keep('logs/1/2/reference.log.gz', utf8('r'));
    await outbox.close();
    expect([...uploaded.keys()]).toEqual([
      ...['traces-1-1-0', 'traces-1-1-1', 'traces-1-2-0', 'traces-1-1-2', 'traces-1-2-1'],
    ]);
    expect(textOf(evidenceOf(uploaded, [1]))).toEqual({
      'prompts/1/1.ndjson.gz': 'p',
      'logs/1/1/baseline.log.gz': 'l',
      'traces/1/1/baseline.ndjson.gz': 'b',
      'images/1/a-5.json.gz': 'i',
      'traces/1/1/a-5.ndjson.gz': 'a, forced',
      'traces/1/2/a-5.ndjson.gz': 'a2',
      'logs/1/2/reference.log.gz': 'r',
    });
    expect(outbox.paths.size).toBe(7);
  });
  it('F17 goes on where an upload fails, and tries it once more at the end', async () => {
    const { outbox, uploaded } = bench({ 'traces-0-1-0': 1 });
    outbox.keep('traces/0/1/baseline.ndjson.gz', utf8('b'));
    outbox.keep('traces/0/1/a-5.ndjson.gz', utf8('a'));
    await outbox.sent();
    expect([...uploaded.keys()]).toEqual(['traces-0-1-1']);
    await outbox.close();
    expect(evidenceOf(uploaded, [0]).size).toBe(2);
    const lost = bench({ 'traces-0-1-0': 2 });
    lost.outbox.keep('traces/0/1/baseline.ndjson.gz', utf8('b'));
    await expect(lost.outbox.close()).rejects.toMatchObject({ code: 'NO_ARTIFACT' });
  });
});

describe('evidence in artifacts', () => {
  it('is taken of planned shards alone, the latest of a path', () => {
    const path = 'traces/0/1/baseline.ndjson.gz';
    const artifacts = new Map([
      ['traces-0-1-10', artifact({ [path]: 'latest' })],
      ['traces-0-1-9', artifact({ [path]: 'earlier' })],
      ['traces-7-1-0', artifact({ 'traces/7/1/baseline.ndjson.gz': 'not planned' })],
    ]);
    expect(textOf(evidenceOf(artifacts, [0, 1]))).toEqual({ [path]: 'latest' });
  });
  it('is refused where a machine writes what is another one’s', () => {
    const artifacts = new Map([
      ['traces-1-1-0', artifact({ 'traces/0/1/baseline.ndjson.gz': 'of shard 0' })],
    ]);
    expect(() => evidenceOf(artifacts, [0, 1])).toThrow(
      'traces-1-1-0 has traces/0/1/baseline.ndjson.gz, which is of another shard',
    );
  });
  it('has names of one form', () => {
    expect(evidenceName('traces-3-2-11')).toEqual({ shard: 3, boot: 2, n: 11 });
    for (const name of ['traces-0', 'traces-0-1', 'traces-0-1-x', 'traces-0-1-1.json', 'x', ''])
      expect(evidenceName(name)).toBeNull();
  });
});
