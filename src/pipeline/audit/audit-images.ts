// Checks of a round's images by their kept documents: policy, bare bases and fingerprints, derived again.
import { type Base, baseOf, isBare, trusting } from '../../images/bases.ts';
import { startHash } from '../../images/copies.ts';
import { lazy } from '../../core/lazy.ts';
import { ImageError } from '../../images/errors.ts';
import { type Examined, type ImageHead, readHead } from '../../images/examine.ts';
import { type ImageDocuments, keptDocuments } from '../../images/image-documents.ts';
import { type ImageRef, parseImageRef, pinnedImage } from '../../schema/image-ref.ts';
import { documentPath, fingerprintPath, folderOf, tracePlace } from '../../schema/paths.ts';
import type { Submission } from '../../schema/submission.ts';
import type { Check, Notes } from './check.ts';
import type { RoundSubject } from './subjects.ts';

/**
 * Whether a shard ran images, and so knows what is in them. The arena decides, not a field that the
 * validator writes: servers run outside of containers on a local chain alone.
 */
export function ranImages({ round, arena }: RoundSubject, shard: number): boolean {
  const hosts: Partial<Record<string, Record<string, unknown>>> = round.predicate.hosts ?? {};
  return arena.network !== 'local' || hosts[shard]?.['probes'] !== undefined;
}

/** The documents that a shard's machine kept of the images that it looked at. */
function documentsOf({ ledger, round, ports }: RoundSubject, shard: number): ImageDocuments {
  return keptDocuments((digest) => {
    const bytes = ledger.files.get(`${folderOf(round.path)}${documentPath(shard, digest)}`);
    return bytes ? ports.unpackText(bytes) : null;
  });
}

/** What may stand in every image of a round, and the public engines that are nobody's own work. */
type Common = { readonly env: ReadonlySet<string>; readonly bases: readonly Base[] };

async function commonOf({ arena }: RoundSubject, documents: ImageDocuments): Promise<Common> {
  const { baseline, bases, reference, environment } = arena.images;
  const env = new Set(environment);
  const engines: Base[] = [];
  for (const name of new Set([baseline, ...bases, reference])) {
    const head = await readHead(documents, trusting(arena), pinnedImage(name), null);
    if (!head.ok) continue; // no round is measured then
    for (const entry of head.facts.config.env) env.add(entry);
    if (bases.includes(name)) engines.push(baseOf(name, head.facts));
  }
  return { env, bases: engines };
}

/** The same with the base that a payload names; null where that one could not be read. */
async function withBase(
  { arena }: RoundSubject,
  documents: ImageDocuments,
  common: Common,
  base: string | null,
): Promise<Common | null> {
  if (base === null) return common;
  const head = await readHead(documents, trusting(arena), parseImageRef(base)!, null);
  if (!head.ok) return null;
  const own = baseOf(base, head.facts);
  return { env: new Set([...common.env, ...own.env]), bases: [...common.bases, own] };
}

/** What the traces of a shard say of an image: the event, and its detail. */
type Event = { readonly name: string; readonly detail: string | null };

function eventsOf({ evidence }: RoundSubject, shard: number, key: string): Event[] {
  return [...evidence.traces].flatMap(([path, { events }]) => {
    const place = tracePlace(path);
    return place?.shard === shard && place.name === key ? events : [];
  });
}

/** What is wrong with what a round says of an image, by the image's own documents. */
function* imageFaults(
  head: Examined<ImageHead>,
  { bases }: Common,
  said: { readonly events: readonly Event[]; readonly measured: boolean },
): Generator<string> {
  const { events, measured } = said;
  const refused = events.find(({ name }) => name === 'image-policy');
  if (!head.ok) {
    const { name, detail } = head.refusal;
    if (name === 'image-policy' && measured) yield `it was measured, and is refused: ${detail}`;
    if (refused && refused.detail !== detail)
      yield `its trace says ${refused.detail ?? 'nothing'}, its documents ${detail}`;
    return;
  }
  if (refused) yield `its trace says ${refused.detail ?? 'nothing'}, its documents break no rule`;
  const bare = bases.find((base) => isBare(head.facts, base));
  const called = events.find(({ name }) => name === 'bare-base');
  if (called && !bare) yield 'it is called a public engine as it is, and is none';
  if (bare && measured) yield `it was measured, and is ${bare.reference} as it is`;
}

/** Where the fingerprint of an image says something else than its configuration; null: nowhere. */
function printFault(
  { ledger, round, readPrint }: RoundSubject,
  { shard, key, head }: { shard: number; key: string; head: ImageHead },
): string | null {
  const path = `${folderOf(round.path)}${fingerprintPath(shard, key)}`;
  const bytes = ledger.files.get(path);
  const print = bytes ? readPrint(path, bytes) : null;
  if (!print) return null;
  if (print.diffIds.join() !== head.config.diffIds.join())
    return 'its fingerprint has other layers than its configuration';
  return print.start === startHash(head.config)
    ? null
    : 'its fingerprint has another start than its configuration';
}

/** An image of a shard: its entry, and where what is known of it is read. */
type ShardImage = {
  readonly shard: number;
  readonly entry: Pick<Submission, 'key' | 'base'> & ImageRef;
  readonly documents: ImageDocuments;
  readonly common: () => Promise<Common>;
};

/** Checks one image of a shard by its documents. */
async function checkImage(
  subject: RoundSubject,
  { shard, entry, documents, common }: ShardImage,
  { fault }: Notes,
): Promise<void> {
  const { key } = entry;
  const { path, predicate } = subject.round;
  const events = eventsOf(subject, shard, key);
  const boots = predicate.entries.find((item) => item.key === key)?.boots ?? [];
  const measured = boots.some(({ report }) => report.verdict === 'VALID');
  try {
    const own = await withBase(subject, documents, await common(), entry.base);
    if (!own && measured) fault('RECOMPUTE_MISMATCH', path, `${key}: its base is no image`);
    if (!own) return;
    const head = await readHead(documents, subject.arena, entry, own.env);
    for (const what of imageFaults(head, own, { events, measured }))
      fault('RECOMPUTE_MISMATCH', path, `${key}: ${what}`);
    const other = head.ok ? printFault(subject, { shard, key, head: head.facts }) : null;
    if (other !== null) fault('RECOMPUTE_MISMATCH', path, `${key}: ${other}`);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // A machine that broke off before it looked at an image has nothing to show of it.
    const looked = measured || events.some(({ name }) => FROM_DOCUMENTS.includes(name));
    if (looked) fault('OMISSION', path, `${key}: ${error.message}`);
  }
}

/** Events that follow from an image's documents alone. */
const FROM_DOCUMENTS = ['image-policy', 'bare-base'];

/**
 * Derives again what follows from the manifests and configurations of a round's images: refusals by
 * policy, images that are a public engine as it is, layers and start of each fingerprint. What only
 * a layer shows, and what an engine says, needs the image.
 */
async function checkDocuments(subject: RoundSubject, notes: Notes): Promise<void> {
  const { plan, round } = subject;
  for (const { index: shard, entries } of round.predicate.shards) {
    if (!ranImages(subject, shard)) continue;
    const documents = documentsOf(subject, shard);
    const common = lazy(() => commonOf(subject, documents));
    for (const key of entries) {
      const { image, digest, base } = plan.predicate.submissions.find((item) => item.key === key)!;
      const entry = { key, base, image: image!, digest: digest! };
      await checkImage(subject, { shard, entry, documents, common }, notes);
    }
  }
}

/** The check of images by their documents. */
export const IMAGE_DOCUMENTS: Check<RoundSubject> = {
  ...{ name: 'image-documents', needs: 'ledger', rule: 'Image documents' },
  run: checkDocuments,
};
