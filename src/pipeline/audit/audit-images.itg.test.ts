// A round's images, derived again from the documents that a real admission kept of them.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { fingerprintReader } from '../../arena/known-images.ts';
import { buildImage } from '../../devnet/registry/image-builder.ts';
import {
  admission,
  base,
  baselineEnv,
  closeRegistries,
  ENTRY,
  mine,
  original,
  removeFolder,
} from '../../testing/admission-images.ts';
import { foundBy, noPorts } from '../../testing/check-bench.ts';
import { IMAGE_DOCUMENTS } from './audit-images.ts';
import type { RoundSubject } from './subjects.ts';

afterEach(closeRegistries);
afterAll(removeFolder);

const volume = buildImage([base, mine], { ...ENTRY, Volumes: { '/data': {} } });
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A round as its record and one trace tell it. */
type Told = {
  /** Whether the image was measured. */
  readonly valid?: boolean;
  readonly event?: { readonly name: string; readonly detail: string };
  /** What becomes of a kept file; null takes it away. */
  readonly edit?: (path: string, content: string) => string | null;
};

/** What the check finds in a round with one entry, whose image went through a real admission. */
async function foundIn(
  { kept, arena, entries: [entry] }: Awaited<ReturnType<typeof admission>>,
  { valid = false, event, edit = (_, content) => content }: Told,
): Promise<string[]> {
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of kept) {
    const content = edit(path, text(bytes));
    if (content !== null) files.set(`rounds/1/${path}`, Buffer.from(content));
  }
  const key = entry!.key;
  const boots = valid ? [{ report: { verdict: 'VALID' } }] : [];
  const events = event ? [{ ...event, tNs: 1 }] : [];
  const subject = {
    ...{ arena, ports: { ...noPorts, unpackText: text }, readPrint: fingerprintReader(text) },
    ledger: { files },
    plan: { predicate: { submissions: [entry] } },
    round: {
      path: 'rounds/1/round.json',
      predicate: {
        ...{ hosts: { 0: { probes: [] } }, entries: [{ key, boots }] },
        shards: [{ index: 0, entries: [key] }],
      },
    },
    evidence: {
      traces: new Map([[`traces/0/1/${key.replace(':', '-')}.ndjson.gz`, { events }]]),
    },
  } as unknown as RoundSubject;
  return (await foundBy([IMAGE_DOCUMENTS], subject)).faults;
}

describe('an image of a round', () => {
  it('that is honest and was measured has nothing against it', async () => {
    const round = await admission({ original });
    expect(await round.ask('original')).toBe('admitted');
    expect(await foundIn(round, { valid: true })).toEqual([]);
  });

  it('that is refused by its configuration is refused again, for the same', async () => {
    const round = await admission({ volume });
    const [, detail] = /^image-policy: (.*)$/.exec(await round.ask('volume'))!;
    expect(await foundIn(round, { event: { name: 'image-policy', detail: detail! } })).toEqual([]);
    const other = { name: 'image-policy', detail: 'it has ONBUILD triggers' };
    expect((await foundIn(round, { event: other }))[0]).toMatch(
      /RECOMPUTE_MISMATCH .* its trace says it has ONBUILD triggers, its documents it declares/,
    );
    expect((await foundIn(round, { valid: true }))[0]).toMatch(/was measured, and is refused/);
  });

  it('that breaks no rule cannot be called one that does', async () => {
    const round = await admission({ original });
    await round.ask('original');
    const event = { name: 'image-policy', detail: 'it declares the volume /data' };
    expect((await foundIn(round, { event }))[0]).toMatch(/its documents break no rule/);
    const bare = { name: 'bare-base', detail: 'public engine as it is' };
    expect((await foundIn(round, { event: bare }))[0]).toMatch(/is called a public engine/);
  });

  it('that is a public engine as it is cannot have been measured', async () => {
    const engine = buildImage([base, mine], { Entrypoint: ['/engine'], Env: baselineEnv });
    const named = `engine@${engine.manifest.digest}`;
    const options = { extra: { engine: [engine] }, bases: [named] };
    const round = await admission({ bare: engine }, options);
    const [, detail] = /^bare-base: (.*)$/.exec(await round.ask('bare'))!;
    expect(await foundIn(round, { event: { name: 'bare-base', detail: detail! } })).toEqual([]);
    expect((await foundIn(round, { valid: true }))[0]).toMatch(/was measured, and is .*as it is$/);
  });

  it('may have the variables of the base that its payload names, and of no other', async () => {
    const env = [...baselineEnv, 'LD_PRELOAD=/engine.so'];
    const engine = buildImage([base], { Entrypoint: ['/engine'], Env: env });
    const tuned = buildImage([base, mine], { ...ENTRY, Env: env });
    const named = `engine@${engine.manifest.digest}`;
    const round = await admission(
      { tuned },
      { extra: { engine: [engine] }, builtOn: { tuned: named } },
    );
    expect(await round.ask('tuned')).toBe('admitted');
    expect(await foundIn(round, { valid: true })).toEqual([]);
    const alone = { ...round, entries: [{ ...round.entries[0]!, base: null }] };
    expect((await foundIn(alone, { valid: true }))[0]).toMatch(/ENV LD_PRELOAD/);
  });

  it.each([
    ['other layers', (print: object) => ({ ...print, diffIds: [] }), /has other layers/],
    ['another start', (print: object) => ({ ...print, start: 'f' }), /has another start/],
  ])('has a fingerprint that follows from it: %s are seen', async (_, change, reason) => {
    const round = await admission({ original });
    await round.ask('original');
    const edit = (path: string, content: string): string =>
      path.startsWith('images/') ? JSON.stringify(change(JSON.parse(content) as object)) : content;
    expect((await foundIn(round, { valid: true, edit }))[0]).toMatch(reason);
  });

  it.each([
    ['is gone', () => null],
    ['was edited', (content: string) => content.replace('linux', 'Linux')],
  ])('was looked at, and its document %s: that is an omission', async (_, change) => {
    const round = await admission({ original });
    await round.ask('original');
    const own = original.manifest.digest.slice('sha256:'.length);
    for (const part of [own, baselineDocument(round)]) {
      const edit = (path: string, content: string): string | null =>
        path.includes(part) ? change(content.replace('schemaVersion', 'schemaVersion ')) : content;
      expect((await foundIn(round, { valid: true, edit }))[0]).toMatch(/^OMISSION /);
    }
  });

  it('was never looked at by a machine that broke off: nothing is missing', async () => {
    const round = await admission({ original });
    const event = { name: 'broke-off', detail: 'the machine' };
    expect(await foundIn(round, { event })).toEqual([]);
  });
});

/** The digits of the baseline's manifest, as an arena names it. */
function baselineDocument({ arena }: Awaited<ReturnType<typeof admission>>): string {
  return arena.images.baseline.slice(-64);
}
