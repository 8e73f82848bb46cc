// Admission of miners' images: by policy, then against every earlier image, before a pull.
import { utf8 } from '../core/bytes.ts';
import { compactJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import type { Arena } from '../schema/arena.ts';
import type { Fingerprint } from '../schema/fingerprint.ts';
import { type ImageRef, pinnedImage } from '../schema/image-ref.ts';
import { documentPath, fingerprintPath } from '../schema/paths.ts';
import { copyOf, ownFiles, startHash } from './copies.ts';
import { ImageError } from './errors.ts';
import { keepingDocuments } from './image-documents.ts';
import {
  examine,
  type ImageFacts,
  type ImageRefusal,
  readHead,
  refuse,
  type Trusted,
} from './examine.ts';
import { type Admitted, fetchAdmitted, type FetchPorts, patiently } from './fetch-admitted.ts';
import { type Base, baseOf, isBare, readBase, trustedWith, trusting } from './bases.ts';
import { isDecided, type KnownImage, rivalsOf } from './rivals.ts';

/**
 * Limit on the different files of an image that admission compares with no other: a real image has
 * some hundred thousand.
 */
const MOST_FILES = 4_000_000;

export type ImagePorts = FetchPorts & {
  readonly keep: (path: string, content: Uint8Array) => void;
};

/** A miner's entry, and its image. */
export type Entry = ImageRef & {
  /** The public engine that its payload names, `image@sha256:…`; null: none. */
  readonly base: string | null;
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
};
export type Admission = {
  /**
   * Admits the image of a key, or says why not. Looks once: a failure stays a failure for the
   * round, so that no arm waits for the image twice.
   */
  readonly admit: (key: string) => Promise<Admitted | ImageRefusal>;
  /**
   * Names on this machine of the arena's own images and of those that were admitted for these keys;
   * null where no caller asked for any.
   */
  readonly idsOf: (keys: readonly string[]) => ReadonlySet<string> | null;
};
/**
 * A shard's share of a round: every entry, wherever measured, and the images that the ledger knew
 * before.
 */
export type Field = {
  readonly shard: number;
  readonly entries: readonly Entry[];
  readonly known: readonly KnownImage[];
};

/** What an image is, to be compared with others. */
function printOf(entry: Entry, { config }: ImageFacts, files: readonly string[]): Fingerprint {
  const { key, hotkey, commitBlock, digest, base } = entry;
  return {
    schema: 1,
    key,
    hotkey,
    commitBlock,
    digest,
    diffIds: [...config.diffIds],
    start: startHash(config),
    base,
    files: [...files],
  };
}

/** The admission of one shard's images: each is looked at once, and admitted once. */
class FieldAdmission implements Admission {
  readonly #ports: ImagePorts;
  readonly #arena: Arena;
  readonly #field: Field;
  readonly #prints = new Map<string, Fingerprint>();
  readonly #ids = new Map<string, string>();
  #own: ReadonlySet<string> | null = null;

  constructor(ports: ImagePorts, arena: Arena, field: Field) {
    const { shard } = field;
    const keep = (digest: string, bytes: Uint8Array): void =>
      ports.keep(documentPath(shard, digest), bytes);
    this.#ports = { ...ports, images: keepingDocuments(ports.images, keep) };
    this.#arena = arena;
    this.#field = field;
  }

  readonly admit = once((key) => this.#admit(this.#entry(key)));

  readonly idsOf = (keys: readonly string[]): ReadonlySet<string> | null =>
    this.#own && new Set([...this.#own, ...keys.flatMap((key) => this.#ids.get(key) ?? [])]);

  readonly #common = once(async () => {
    const shared = await readCommon(this.#ports, this.#arena);
    this.#own = shared.ids;
    return shared;
  });

  readonly #look = once((key) => this.#examine(this.#entry(key)));

  readonly #base = once((reference) =>
    patiently(this.#ports, reference, () => readBase(this.#ports.images, this.#arena, reference)),
  );

  #entry(key: string): Entry {
    return this.#field.entries.find((item) => item.key === key)!;
  }

  async #admit(entry: Entry): Promise<Admitted | ImageRefusal> {
    const { entries, known } = this.#field;
    const { key } = entry;
    // What fails of another is said where it is asked for.
    for (const other of entries)
      if (other.commitBlock < entry.commitBlock) await this.#look(other.key).catch(() => null);
    const facts = await this.#look(key);
    if ('name' in facts) return facts;
    const entered = entries.map((item) => item.key);
    const print = this.#prints.get(key)!;
    const rivals = isDecided(print, known) ? [] : rivalsOf(key, entered, this.#prints, known);
    const copied = copyOf(print, rivals, this.#arena.copyContainment);
    if (copied) return { name: 'copy', detail: `of ${copied.of}, by ${copied.by}` };
    const admitted = await fetchAdmitted(this.#ports, entry.image, facts);
    if ('id' in admitted) this.#ids.set(key, admitted.id);
    return admitted;
  }

  async #examine(entry: Entry): Promise<ImageFacts | ImageRefusal> {
    const { maxOwnFiles } = this.#arena;
    const common = await this.#common('');
    const base = entry.base === null ? null : await this.#base(entry.base);
    if (base && 'name' in base) return base;
    const examination = {
      rules: this.#arena,
      trusted: base ? trustedWith(common, base) : common,
      mostFiles: common.files.size + maxOwnFiles,
      shared: new Set(base?.diffIds),
    };
    const examined = await patiently(this.#ports, `the image of ${entry.key}`, () =>
      examine(this.#ports, entry, examination),
    );
    if (!examined.ok) return examined.refusal;
    const bare = [...common.bases, ...(base ? [base] : [])].find((item) =>
      isBare(examined.facts, item),
    );
    if (bare) return { name: 'bare-base', detail: `${bare.reference} as it is: nobody's own work` };
    const files = ownFiles(examined.facts.files, common.files);
    if (files.length > maxOwnFiles)
      return {
        name: 'image-content',
        detail: `${files.length} files of its own, ${maxOwnFiles} are the most`,
      };
    this.#keepPrint(printOf(entry, examined.facts, files));
    return examined.facts;
  }

  #keepPrint(print: Fingerprint): void {
    const { known, shard } = this.#field;
    this.#prints.set(print.key, print);
    // A standing winner is looked at in every round, and stays what it was: kept once.
    const text = compactJson(print);
    const before = known.find((image) => image.print.key === print.key);
    if (!before || compactJson(before.print) !== text)
      this.#ports.keep(fingerprintPath(shard, print.key), utf8(text));
  }
}

/**
 * Admits images by policy, then against every earlier image that has a claim and those of this
 * round. Admission looks at an image only after all images with an earlier commit, so that the
 * order of measuring never decides which image is the copy.
 */
export function openAdmission(ports: ImagePorts, arena: Arena, field: Field): Admission {
  return new FieldAdmission(ports, arena, field);
}

/**
 * Admits an image by policy alone: for an evaluation of one image, where no other miner has a
 * claim. `bases` are images whose variables may stand.
 */
export async function admitAlone(
  ports: ImagePorts,
  arena: Arena,
  ref: ImageRef,
  bases: readonly ImageRef[],
): Promise<Admitted | ImageRefusal> {
  const env = new Set(arena.images.environment);
  const layers = new Set<string>();
  for (const base of bases) {
    const head = await readHead(ports.images, trusting(arena), base, null).catch((error: unknown) =>
      refuse('image-gone', messageOf(error)),
    );
    if (!head.ok) {
      ports.log.warn(
        `${base.image}: ${head.refusal.detail}: its variables are not known, and may not stand in another image`,
      );
      continue;
    }
    for (const entry of head.facts.config.env) env.add(entry);
    for (const { digest } of head.facts.layers) layers.add(digest);
  }
  const examination = {
    ...{ rules: arena, trusted: { env, layers }, mostFiles: MOST_FILES },
    shared: new Set<string>(),
  };
  const examined = await patiently(ports, ref.image, () => examine(ports, ref, examination));
  return examined.ok ? fetchAdmitted(ports, ref.image, examined.facts) : examined.refusal;
}

/**
 * Files that no miner can call his own: those of the baseline and of the public engines that the
 * arena lists.
 */
type Common = Trusted & {
  readonly files: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
  /** The public engines among them. */
  readonly bases: readonly Base[];
};

const notPinned = (reference: string, detail: string): ImageError =>
  new ImageError(
    'REGISTRY',
    'infra',
    `the arena's image ${reference}: ${detail}`,
    'pin one that can be pulled',
  );

async function readCommon(ports: ImagePorts, arena: Arena): Promise<Common> {
  const files = new Set<string>();
  const env = new Set(arena.images.environment);
  const ids = new Set<string>();
  const layers = new Set<string>();
  const engines: Base[] = [];
  const { baseline, bases, reference: teacher } = arena.images;
  const examination = {
    ...{ rules: trusting(arena), trusted: null, mostFiles: MOST_FILES },
    shared: new Set<string>(),
  };
  for (const reference of new Set([baseline, ...bases, teacher])) {
    const ref = pinnedImage(reference);
    const examined = await patiently(ports, reference, () => examine(ports, ref, examination));
    if (!examined.ok) throw notPinned(reference, examined.refusal.detail);
    const { facts } = examined;
    for (const id of [ref.digest, facts.manifest, facts.configDigest]) ids.add(id);
    for (const { digest } of facts.layers) layers.add(digest);
    for (const file of facts.files) files.add(file);
    for (const entry of facts.config.env) env.add(entry);
    if (bases.includes(reference)) engines.push(baseOf(reference, facts));
  }
  return { files, env, layers, ids, bases: engines };
}

/** Does its work once for each key, and remembers a failure like a result. */
function once<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const done = new Map<string, Promise<T>>();
  return (key) => {
    const found = done.get(key) ?? work(key);
    done.set(key, found);
    found.catch(() => undefined); // each caller gets the error
    return found;
  };
}
