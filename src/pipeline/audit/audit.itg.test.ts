// Tests of the audit on the demo's ledger: an honest history passes, each forged record is named.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Keyring } from '@polkadot/keyring';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprintReader, knownImages } from '../../arena/known-images.ts';
import { ROOT } from '../../compose/repository.ts';
import { utf8 } from '../../core/bytes.ts';
import { renderJson } from '../../core/canonical.ts';
import { sha256Hex } from '../../core/hash.ts';
import { silentLog } from '../../core/log.ts';
import type { DemoReport } from '../../devnet/demo/demo-report.ts';
import { demo } from '../../devnet/demo/demo.ts';
import type { KnownImage } from '../../images/rivals.ts';
import { preAuthEncoding, renderSignature } from '../../ledger/envelope.ts';
import { readEvidence, unpackText } from '../../ledger/io/evidence-files.ts';
import { readFolder, validatorFolders } from '../../ledger/io/results-folder.ts';
import { signerOf } from '../../ledger/io/signing-key.ts';
import { readLedger, recordsOf, UNREADABLE } from '../../ledger/read.ts';
import { signatureFile } from '../../ledger/sign.ts';
import { findDocker } from '../../node/docker.ts';
import { openCorpus } from '../../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../../prompts/io/tokenizer-file.ts';
import { OWNER_LABEL } from '../../sandbox/container-options.ts';
import { audit, type AuditReport } from './audit.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- records are edited as an attacker would: as plain JSON */
const arenaFile = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as Record<
  string,
  unknown
>;
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
const key = keyring.addFromUri('//Validator//hot');
const signer = signerOf(key);
const other = signerOf(keyring.addFromUri('//Miner0//hot'));

type Files = Map<string, Uint8Array>;
const docker = await findDocker();
if (docker === null)
  console.warn(
    'skipped: fingerprints in a ledger, and what a round leaves on a machine (no Docker engine answers here)',
  );
/** A Python with tokenizers; its absence is said beside the reader's own tests. */
const readerPython = process.env['READER_PYTHON'];
let report: DemoReport;
let validator: string;
let sound: Files;
const folder = mkdtempSync(join(tmpdir(), 'ledger-'));

beforeAll(async () => {
  report = await demo({
    arena: { ...arenaFile, takeover: { stop: [0.3], crown: [4.02] } },
    arenaFolder: join(ROOT, 'src/devnet'),
    root: ROOT,
    seed: '2a'.padStart(64, '0'),
    endpoint: null,
    accounts: null,
    // In containers where there is Docker; elsewhere the same as processes.
    processes: docker === null,
    out: folder,
    log: silentLog,
  });
  validator = validatorFolders(report.results)[0]!;
  sound = readFolder(join(report.results, validator));
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ports = {
  tokenizerOf: (source: Parameters<typeof loadTokenizer>[0]) => loadTokenizer(source, ROOT),
  corpusOf: () => openCorpus('generated', undefined, silentLog),
  readEvidence,
  unpackText,
  chain: null,
  log: silentLog,
  arenas: [],
  localArena: null,
};
const auditOf = (files: Files): Promise<AuditReport> => audit(new Map([[validator, files]]), ports);
const codes = async (files: Files): Promise<string[]> => [
  ...new Set((await auditOf(files)).faults.map(({ code }) => code)),
];
const pathOf = (pattern: RegExp): string => [...sound.keys()].find((path) => pattern.test(path))!;
const plan = (): string => pathOf(/^rounds\/\d+\/plan\.json$/);
const round = (): string => pathOf(/^rounds\/\d+\/round\.json$/);
const lastWeights = (): string =>
  [...sound.keys()].filter((path) => /^weights\/\d+\.json$/.test(path)).at(-1)!;
const changed = (change: (files: Files) => void): Files => {
  const files = new Map(sound);
  change(files);
  return files;
};
const flip = (path: string, at: number): Files =>
  changed((files) => {
    const bytes = new Uint8Array(files.get(path)!);
    bytes[at]! ^= 1;
    files.set(path, bytes);
  });
type Statement = { predicate: Record<string, any> };
/**
 * Edits a record and signs it again with the validator's own key, as a dishonest validator would.
 */
const resigned = (path: string, edit: (statement: Statement) => void, by = signer): Files =>
  changed((files) => {
    const statement = JSON.parse(Buffer.from(files.get(path)!).toString()) as Statement;
    edit(statement);
    const bytes = utf8(renderJson(statement));
    files.set(path, bytes);
    files.set(`${path}.sig`, utf8(signatureFile(by, bytes)));
  });

describe('the demo', () => {
  it('crowns the newcomer in the second round and fails every cheat that changes tokens', () => {
    expect(report.ok).toBe(true);
    const name = (round: DemoReport['rounds'][number], place: string | null) =>
      round.entries.find((entry) => entry.key === place)?.miner;
    expect(report.rounds.map((item) => name(item, item.winner))).toEqual(['fast', 'speculative']);
    const verdicts = Object.fromEntries(
      report.rounds[0]!.entries.map((entry) => [entry.miner, entry.verdict]),
    );
    expect(verdicts).toMatchObject({
      copycat: 'E_COPY',
      int4: 'E_GATE',
      sampled: 'E_GATE',
      'early-eos': 'E_GATE',
      'other-weights': 'E_GATE',
      'baseline again': 'VALID',
    });
    expect(report.weights['3']).toBe(65535);
    expect(readFileSync(join(report.site, 'index.html'), 'utf8')).toContain('takes the throne');
  });
  it.skipIf(readerPython === undefined)('is read alike by a program that shares no code', () => {
    const reader = join(ROOT, 'scripts/read_ledger.py');
    const text = execFileSync(readerPython!, [reader, report.results, ROOT]).toString();
    expect(text).toMatch(/^round \d+: .*\nround \d+: .*\nlargest difference \d\.\de[-+]\d+\n$/);
  });
  it('keeps one commit per record set, byte-exact, in a real repository', () => {
    const log = execFileSync('git', ['-C', report.results, 'log', '--format=%s', 'origin/ledger'])
      .toString()
      .trim()
      .split('\n')
      .reverse();
    const round = ['Plan', 'Anchor', 'Judge', 'Intend', 'Record', 'Anchor'];
    expect(log.map((line) => line.split(' ')[0])).toEqual([...round, ...round]);
    expect(execFileSync('git', ['-C', report.results, 'status', '--porcelain']).toString()).toBe(
      '',
    );
  });
});

describe('an audit', () => {
  it('passes what is sound', async () => {
    expect(await auditOf(sound)).toMatchObject({ ok: true, faults: [], records: 12 });
  });
  it('T01 names a record with a flipped byte, wherever it is', async () => {
    for (const path of [plan(), round(), lastWeights()]) {
      for (const share of [0.1, 0.5, 0.9]) {
        const found = (await auditOf(flip(path, Math.floor(sound.get(path)!.length * share))))
          .faults;
        expect(
          found.map((fault) => fault.path),
          path,
        ).toContain(`${validator}/${path}`);
        expect(found.some(({ code }) => code === 'BAD_SIG')).toBe(true);
      }
    }
  });
  it('T02 T03 names a signature with a flipped byte', async () => {
    const path = `${plan()}.sig`;
    for (const at of [30, 60, 200])
      expect((await auditOf(flip(path, at))).faults.map((fault) => fault.path)).toContain(
        `${validator}/${path}`,
      );
    const cleared = changed((files) => {
      const sig = signer.sign(preAuthEncoding(files.get(plan())!));
      sig[63]! &= 0x7f;
      files.set(path, utf8(renderSignature(signer.address, sig)));
    });
    expect(await codes(cleared)).toEqual(['BAD_SIG']);
  });
  it('names a trace with a flipped byte', async () => {
    const path = pathOf(/baseline\.ndjson\.gz$/);
    const faults = (await auditOf(flip(path, 100))).faults;
    expect(faults).toContainEqual(
      expect.objectContaining({ code: 'MERKLE_MISMATCH', path: `${validator}/${path}` }),
    );
  });
  it('T04 T05 T06 tells another key, another kind of key and a wrapped message', async () => {
    const sigBy = (make: (bytes: Uint8Array) => string): Files =>
      changed((files) => files.set(`${lastWeights()}.sig`, utf8(make(files.get(lastWeights())!))));
    expect(await codes(sigBy((bytes) => signatureFile(other, bytes)))).toEqual(['WRONG_KEY']);
    const ed = new Keyring({ type: 'ed25519', ss58Format: 42 }).addFromUri('//Validator//hot');
    expect(
      await codes(sigBy((bytes) => renderSignature(ed.address, ed.sign(preAuthEncoding(bytes))))),
    ).toEqual(['WRONG_KEY_TYPE']);
    const wrapped = (bytes: Uint8Array): Uint8Array =>
      Buffer.concat([utf8('<Bytes>'), preAuthEncoding(bytes), utf8('</Bytes>')]);
    expect(
      await codes(sigBy((bytes) => renderSignature(signer.address, key.sign(wrapped(bytes))))),
    ).toEqual(['BAD_SIG']);
  });
  it('T08 T11 refuses another payload type and a record written differently', async () => {
    const sig = `${lastWeights()}.sig`;
    expect(
      await codes(
        changed((files) =>
          files.set(
            sig,
            utf8(Buffer.from(files.get(sig)!).toString().replace('in-toto', 'in-tutu')),
          ),
        ),
      ),
    ).toEqual(['BAD_SIG']);
    const compact = changed((files) =>
      files.set(
        lastWeights(),
        utf8(JSON.stringify(JSON.parse(Buffer.from(files.get(lastWeights())!).toString()))),
      ),
    );
    expect(await codes(compact)).toContain('BAD_SIG');
  });
  it('T12 T13 T14 refuses duplicate keys, inexact numbers and unknown types', async () => {
    const edited = (from: string | RegExp, to: string): Files =>
      changed((files) => {
        const bytes = utf8(Buffer.from(files.get(lastWeights())!).toString().replace(from, to));
        files.set(lastWeights(), bytes);
        files.set(`${lastWeights()}.sig`, utf8(signatureFile(signer, bytes)));
      });
    expect(
      await codes(edited('"versionKey": 0', '"versionKey": 0,\n    "versionKey": 0')),
    ).toContain('SCHEMA');
    expect(await codes(edited('"versionKey": 0', '"versionKey": 9007199254740993'))).toContain(
      'SCHEMA',
    );
    expect(await codes(edited('cacheon.ai/weights/v1', 'cacheon.ai/weights/v9'))).toContain(
      'UNSUPPORTED',
    );
  });
  it('T15 T16 refuses an old record in a new place, and another chain', async () => {
    const replay = changed((files) => {
      files.set('rounds/99999/plan.json', files.get(plan())!);
      files.set('rounds/99999/plan.json.sig', files.get(`${plan()}.sig`)!);
    });
    expect(await codes(replay)).toContain('REPLAY');
    expect(
      await codes(resigned(lastWeights(), ({ predicate }) => (predicate['network'].netuid = 3))),
    ).toContain('WRONG_CONTEXT');
  });
  it('T17 T18 T19 T20 sees deletion, gaps, two histories and a rewritten one', async () => {
    const gone = changed((files) =>
      [round(), `${round()}.sig`].forEach((path) => files.delete(path)),
    );
    const faults = (await auditOf(gone)).faults;
    expect(faults).toContainEqual(
      expect.objectContaining({ code: 'OMISSION', path: `${validator}/${round()}` }),
    );
    expect(faults.map(({ code }) => code)).toContain('CHAIN_GAP');
    const twice = changed((files) => {
      const statement = JSON.parse(Buffer.from(files.get(lastWeights())!).toString()) as Statement;
      statement.predicate['block'].number = Number(statement.predicate['block'].number) + 1;
      const bytes = utf8(renderJson(statement));
      const path = `weights/${statement.predicate['block'].number}.json`;
      files.set(path, bytes);
      files.set(`${path}.sig`, utf8(signatureFile(signer, bytes)));
    });
    expect(await codes(twice)).toContain('EQUIVOCATION');
    expect(
      await codes(resigned(plan(), ({ predicate }) => (predicate['tier'] = 'other'))),
    ).toContain('REWRITE');
  });
  it('T21 T22 derives scores again from the traces, and misses none of them', async () => {
    const richer = resigned(round(), ({ predicate }) => (predicate['entries'][0].score = 99));
    expect(await codes(richer)).toContain('RECOMPUTE_MISMATCH');
    const crowned = resigned(
      round(),
      ({ predicate }) =>
        (predicate['standing'].winner = { ...predicate['standing'].winner, score: 5 }),
    );
    expect(await codes(crowned)).toContain('RECOMPUTE_MISMATCH');
    expect(
      await codes(changed((files) => files.delete(pathOf(/baseline\.ndjson\.gz$/)))),
    ).toContain('MERKLE_MISMATCH');
    expect(
      await codes(
        changed((files) =>
          files.set(round().replace('round.json', 'traces/0/1/extra.ndjson.gz'), Uint8Array.of(1)),
        ),
      ),
    ).toContain('MERKLE_MISMATCH');
  });
  it('T22 sees that all arms were asked something else than the arena says', async () => {
    const most = Number(
      recordsOf(readLedger(validator, sound), 'plan')[0]!.predicate.arena['maxTokens'],
    );
    for (const [from, to] of [
      ['"temperature":0', '"temperature":1'],
      [`"max_tokens":${most}`, `"max_tokens":${most - 1}`],
    ] as const) {
      const folder = round().replace('round.json', '');
      const edited = new Map(
        [...sound]
          .filter(([path]) => path.startsWith(folder) && path.endsWith('.gz'))
          .map(([path, bytes]) => [
            path,
            new Uint8Array(gzipSync(gunzipSync(bytes).toString().replaceAll(from, to))),
          ]),
      );
      expect(
        [...edited].some(
          ([path, bytes]) =>
            gunzipSync(bytes).toString() !== gunzipSync(sound.get(path)!).toString(),
        ),
      ).toBe(true);
      const signed = resigned(round(), ({ predicate }) => {
        for (const [path, bytes] of edited)
          predicate['files'][path.slice(folder.length)] = sha256Hex(bytes);
      });
      expect(await codes(new Map([...signed, ...edited]))).toContain('RECOMPUTE_MISMATCH');
    }
  });
  it('T26 refuses odd paths, links and case twins', async () => {
    for (const path of ['../evil.json', 'rounds/0018/plan.json', 'notes.txt'])
      expect(await codes(changed((files) => files.set(path, Uint8Array.of(1)))), path).toEqual([
        'PATH',
      ]);
    expect(await codes(changed((files) => files.set(lastWeights(), UNREADABLE)))).toContain('PATH');
    expect(
      await codes(changed((files) => files.set(plan().toUpperCase(), files.get(plan())!))),
    ).toContain('PATH');
  });
  it('T27 derives the weights again', async () => {
    const generous = resigned(
      lastWeights(),
      ({ predicate }) => (predicate['weights'] = [{ uid: 9, weight: 65535 }]),
    );
    expect(await codes(generous)).toContain('WEIGHT_MISMATCH');
    expect(
      await codes(
        resigned(
          lastWeights(),
          ({ predicate }) => (predicate['readBack'] = [{ uid: 9, weight: 65535 }]),
        ),
      ),
    ).toContain('WEIGHT_MISMATCH');
    expect(
      await codes(resigned(lastWeights(), ({ predicate }) => (predicate['emission'].burnUid = 7))),
    ).toContain('WEIGHT_MISMATCH');
  });
  it('T27 derives what was signed from what was said', async () => {
    const intents = [...sound.keys()].filter((path) => path.endsWith('.intent.json')).sort();
    const transactionOf = (path: string): unknown =>
      (JSON.parse(Buffer.from(sound.get(path)!).toString()) as Statement).predicate['transaction'];
    const [first, second] = intents as [string, string];
    for (const change of [
      (predicate: Statement['predicate']) => (predicate['transaction'] = transactionOf(first)),
      (predicate: Statement['predicate']) =>
        (predicate['transaction'].hash = `0x${'ab'.repeat(32)}`),
      (predicate: Statement['predicate']) => (predicate['transaction'].signer = other.address),
      (predicate: Statement['predicate']) => (predicate['versionKey'] = 7),
      (predicate: Statement['predicate']) => (predicate['method'] = 'timelock'),
    ])
      expect(await codes(resigned(second, ({ predicate }) => void change(predicate)))).toContain(
        'WEIGHT_MISMATCH',
      );
  });
  it('T28 checks the window of a plan', async () => {
    expect(
      await codes(
        resigned(
          plan().replace('plan.json', 'anchor.json'),
          ({ predicate }) => (predicate['notAfter'] = Number(predicate['notAfter']) + 1),
        ),
      ),
    ).toContain('TIME');
  });
  it('sees a submission that was left out of every shard, and a standing nobody left', async () => {
    const rounds = [...sound.keys()].filter((path) => path.endsWith('round.json'));
    const plans = rounds.map((path) => path.replace('round.json', 'plan.json'));
    expect(
      await codes(resigned(rounds[1]!, ({ predicate }) => predicate['shards'][0].entries.pop())),
    ).toContain('RECOMPUTE_MISMATCH');
    expect(
      await codes(resigned(plans[1]!, ({ predicate }) => (predicate['standing'].winner.score = 9))),
    ).toContain('RECOMPUTE_MISMATCH');
  });
  it('never throws, whatever byte is changed anywhere', async () => {
    const paths = [...sound.keys()];
    for (let i = 0; i < 40; i++) {
      const path = paths[(i * 7) % paths.length]!;
      const result = await auditOf(flip(path, (i * 7919) % sound.get(path)!.length));
      expect(result.ok, `${path} byte ${(i * 7919) % sound.get(path)!.length}`).toBe(false);
    }
  }, 240_000);
});

describe.skipIf(docker === null)('a round in containers', () => {
  const prints = (): string[] =>
    [...sound.keys()].filter((path) => /\/images\/0\/.*\.json\.gz$/.test(path));
  const copied = (): any =>
    readLedger(validator, sound)
      .records.flatMap((record) => (record.kind === 'round' ? record.predicate.entries : []))
      .find(({ verdict }) => verdict === 'E_COPY');

  it('finds the rebuilt copy by its content, and the audit finds it again from what was kept', async () => {
    expect(copied().reason).toMatch(/^a copy: of .* by content/);
    expect(prints().length).toBeGreaterThan(5);
    // Another print of the copy, as if it were new: the verdict does not follow from it, and the
    // round's hashes do not fit.
    const path = prints().find((item) => item.includes(copied().hotkey))!;
    const edited = changed((files) => {
      const print = JSON.parse(gunzipSync(files.get(path)!).toString()) as {
        files: string[];
        diffIds: string[];
      };
      files.set(
        path,
        gzipSync(JSON.stringify({ ...print, files: ['00112233445566aa:100'], diffIds: [] })),
      );
    });
    const { faults } = await auditOf(edited);
    expect(faults.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['MERKLE_MISMATCH', 'RECOMPUTE_MISMATCH']),
    );
    // A fingerprint under another image's name, and a missing one.
    const renamed = changed((files) =>
      files.set(path.replace(copied().hotkey, 'zzz'), files.get(path)!),
    );
    expect((await auditOf(renamed)).faults.map(({ message }) => message)).toContain(
      'no fingerprint of the image that its path names',
    );
    const valid = readLedger(validator, sound)
      .records.flatMap((record) => (record.kind === 'round' ? record.predicate.entries : []))
      .find(({ verdict, role }) => verdict === 'VALID' && role === 'challenger')!;
    const hidden = changed((files) =>
      files.delete(prints().find((item) => item.includes(valid.hotkey))!),
    );
    expect((await auditOf(hidden)).faults).toContainEqual(
      expect.objectContaining({ code: 'OMISSION' }),
    );
  });
  it('gives a claim to what was worth something, or stood in a place, and to nothing else', () => {
    const ledger = readLedger(validator, sound);
    const known = (entered: string[]): KnownImage[] =>
      knownImages(ledger, fingerprintReader(unpackText), Infinity, entered);
    const { winner, runnerUp } = recordsOf(ledger, 'round').at(-1)!.predicate.standing;
    const claims = known([]).map(({ print }) => print.key);
    expect(claims).toEqual(expect.arrayContaining([winner!.key, runnerUp!.key]));
    expect(known([]).every((image) => image.claims)).toBe(true);
    const failed = recordsOf(ledger, 'round')[0]!.predicate.entries.find(
      ({ verdict }) => verdict === 'E_GATE',
    )!.key;
    expect(claims).not.toContain(failed);
    expect(known([failed]).find(({ print }) => print.key === failed)).toMatchObject({
      claims: false,
      rounds: 0,
    });
    expect(knownImages(ledger, fingerprintReader(unpackText), 0, [])).toEqual([]);
  });
  it('leaves no container behind', async () => {
    const left = await docker!.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
    expect(left.map(({ Names }) => Names.join())).toEqual([]);
  });
});

describe('a shut door', () => {
  it('that no round met does not pass in a plan', async () => {
    const edited = resigned(plan(), ({ predicate }) => {
      predicate['submissions'].find((item: any) => item.status === 'evaluate').shut = {
        rounds: 1,
        since: 1,
      };
    });
    expect((await auditOf(edited)).faults).toContainEqual(
      expect.objectContaining({
        code: 'RECOMPUTE_MISMATCH',
        message: expect.stringContaining('shut'),
      }),
    );
  });
});
