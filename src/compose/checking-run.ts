// Starts what a check asks about, an image confined as a validator confines it, or reaches a URL.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { admitAlone, openAdmission } from '../images/admission.ts';
import type { Admitted } from '../images/fetch-admitted.ts';
import type { ImageRefusal } from '../images/examine.ts';
import type { KnownImage } from '../images/rivals.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { bootSuite } from '../prompts/suites.ts';
import type { Arena } from '../schema/arena.ts';
import { tellStarting } from '../pipeline/evaluate/boot-parts.ts';
import { type ImageRef, imageRefText, parseImageRef } from '../schema/image-ref.ts';
import type { Prompt } from '../schema/prompt.ts';
import { verdictOfEvent } from '../schema/trace-events.ts';
import { type CheckFinding, checked, refused, unchecked } from './check-findings.ts';
import { checkServer, withRepeat } from './checking-server.ts';
import { measuringPorts, type MeasuringPorts } from './measuring-host.ts';

/** How a sample is taken. */
export type RunQuestion = {
  readonly root: string;
  readonly arena: Arena;
  readonly log: Log;
  /** Scored prompts of the sample. */
  readonly count: number;
  /** An empty folder in place of weights that this machine has not; null: they are there. */
  readonly models: string | null;
};
/** An image as its miner would enter it. */
export type CheckedEntry = ImageRef & {
  readonly base: string | null;
  readonly hotkey: string | null;
  /** Earlier miners' images, with a claim on their content. */
  readonly known: readonly KnownImage[];
};

/** A sample of prompts as long as the arena's: passages are generated, whatever corpus it pins. */
function sampleOf({ root, arena, count, log }: RunQuestion): Prompt[] {
  const tokenizer = loadTokenizer(arena.tokenizer, root);
  const corpus = openCorpus('generated', undefined, log);
  const rules = { ...arena, scoredPrompts: count };
  const seed = `0x${randomBytes(32).toString('hex')}`;
  return withRepeat(bootSuite(rules, { corpus, tokenizer }, seed, { shard: 0, boot: 1 }));
}

/** Reads and pulls the image as a round does; by policy alone where the arena's own cannot be had. */
async function admitted(
  ports: MeasuringPorts,
  { arena }: RunQuestion,
  entry: CheckedEntry,
): Promise<Admitted | ImageRefusal> {
  const images = { ...ports, images: ports.images! };
  const { baseline, reference } = arena.images;
  const own = [baseline, reference].flatMap((text) => parseImageRef(text) ?? []);
  if (own.length < 2) return admitAlone(images, arena, entry, own);
  const key = 'check:0';
  const hotkey = entry.hotkey ?? 'check';
  const { image, digest, base, known } = entry;
  const entries = [{ image, digest, base, key, hotkey, commitBlock: Number.MAX_SAFE_INTEGER }];
  return openAdmission(images, arena, { shard: 0, entries, known }).admit(key);
}

/** Without the weights nothing that the server does or does not do is its fault. */
function withoutWeights(findings: readonly CheckFinding[], path: string): CheckFinding[] {
  return findings.map((finding) =>
    finding.state === 'fail'
      ? unchecked(
          finding.name,
          finding.rule,
          `without the weights (${path} is not there): ${finding.detail}`,
          `if that is not why: ${finding.mend ?? ''}`,
        )
      : finding,
  );
}

/** What admission found, and the server after it. */
async function admittedAndAsked(
  ports: MeasuringPorts,
  question: RunQuestion,
  entry: CheckedEntry,
): Promise<CheckFinding[]> {
  const { arena, models, log } = question;
  log.info(`reading and fetching ${imageRefText(entry)}`);
  const image = await admitted(ports, question, entry);
  if ('name' in image) return [refused('contents', verdictOfEvent(image.name)!, image.detail)];
  const contents = checked(
    'contents',
    'Layers: types and bytes',
    'read, and the engine reads the same',
  );
  log.info('starting it confined: no network, read-only root, uid 10001');
  const target = {
    kind: 'image',
    image: entry.image,
    digest: entry.digest,
    local: image.id,
  } as const;
  const starting = tellStarting(log, 'the image');
  const found = await checkServer(
    { ...ports, starting },
    { arena, target, prompts: sampleOf(question) },
  );
  return [contents, ...(models === null ? found : withoutWeights(found, arena.model.path))];
}

/**
 * Reads, fetches and starts an image as a validator does, and asks it sample prompts. A machine that
 * cannot hold it in is a finding: nothing was told of the image.
 */
export async function runChecked(
  question: RunQuestion,
  entry: CheckedEntry,
): Promise<CheckFinding[]> {
  const { root, arena, models, log } = question;
  const here = models === null ? arena : { ...arena, model: { ...arena.model, path: models } };
  let ports: MeasuringPorts;
  try {
    ports = await measuringPorts(
      here,
      root,
      { kind: 'containers' },
      { log, keep: () => undefined },
    );
  } catch (error) {
    const hint = error instanceof CacheonError ? error.hint : 'try on another machine';
    return [unchecked('server', 'Rights of a server', messageOf(error), hint)];
  }
  try {
    return await admittedAndAsked(ports, question, entry);
  } finally {
    await ports.close();
  }
}

/** A server that runs already has no start: it is healthy at once, or soon. */
const RUNNING_SECONDS = 10;

/** What a server that never was healthy says now, if anything. */
async function healthNow(url: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(RUNNING_SECONDS * 500);
    const { status } = await fetch(`${url}/health`, { signal, redirect: 'manual' });
    return `it answers ${status}`;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return `asked plainly, it fails: ${messageOf(cause)}`;
  }
}

/** Whether nothing listens, for as long as a server that was started just now may need. */
async function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  for (let tries = 0; tries < 4; tries++) {
    if (tries > 0) await sleep(500);
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
      socket.setTimeout(2000, () => socket.destroy());
      socket.once('connect', () => socket.destroy());
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.once('close', () => resolve(undefined));
    });
    if (code !== 'ECONNREFUSED') return false;
  }
  return true;
}

/** A late server with what it says: a wrong port and a 503 have different mends. */
async function withHealth(finding: CheckFinding, url: string): Promise<CheckFinding> {
  if (finding.verdict !== 'E_START_TIMEOUT') return finding;
  return { ...finding, detail: `${finding.detail}; ${await healthNow(url)}` };
}

/** Asks a server that runs already sample prompts. */
export async function urlChecked(question: RunQuestion, url: string): Promise<CheckFinding[]> {
  const { root, log } = question;
  if (await isRefused(url))
    return [
      refused('server', 'E_START_TIMEOUT', `nothing listens at ${url}: the connection is refused`),
    ];
  const start = Math.min(RUNNING_SECONDS, question.arena.deadlines.start);
  const arena = { ...question.arena, deadlines: { ...question.arena.deadlines, start } };
  const ports = await measuringPorts(arena, root, { kind: 'urls' }, { log, keep: () => undefined });
  try {
    log.info(`asking ${url}`);
    const starting = tellStarting(log, url);
    const found = await checkServer(
      { ...ports, starting },
      {
        arena,
        target: { kind: 'url', url },
        prompts: sampleOf(question),
      },
    );
    return await Promise.all(found.map((finding) => withHealth(finding, url)));
  } finally {
    await ports.close();
  }
}
