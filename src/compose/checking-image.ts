// What a validator would refuse of an image, asked of its registry alone, before anybody pays.
import { failureKey, historyOf } from '../arena/history.ts';
import { fingerprintReader, knownImages } from '../arena/known-images.ts';
import { CacheonError, messageOf } from '../core/errors.ts';
import { isBare, readBase, trusting } from '../images/bases.ts';
import { type ImageHead, readHead } from '../images/examine.ts';
import {
  registryDocuments,
  type RegistryDocuments,
  tagOf,
} from '../images/io/registry-documents.ts';
import { baseFault } from '../arena/payload.ts';
import { unpackText } from '../ledger/io/evidence-files.ts';
import type { Ledger } from '../ledger/read.ts';
import type { KnownImage } from '../images/rivals.ts';
import type { Arena } from '../schema/arena.ts';
import { checkImage, type ImageRef, imageRefText, parseImageRef } from '../schema/image-ref.ts';
import { type CheckFinding, checked, refused, unchecked } from './check-findings.ts';

/** Which image is asked about, and what it is held against. */
export type ImageQuestion = {
  readonly arena: Arena;
  /** As the miner writes it: with a tag, a digest, both or neither. */
  readonly image: string;
  /** The public engine that its payload will name; null: none. */
  readonly base: string | null;
  /** Whose image it is: copies of his own are none. Null: not said. */
  readonly hotkey: string | null;
  /** Public ledgers, for what earlier miners entered. */
  readonly ledgers: readonly Ledger[];
};
/** What was found, and the image by its digest as far as one was found. */
export type CheckedImage = {
  readonly findings: readonly CheckFinding[];
  readonly ref: ImageRef | null;
  /** Whether a registry answered: else nothing was told. */
  readonly reached: boolean;
};

/** Images of earlier miners that have a claim on their content, over all ledgers. */
export function earlierImages(ledgers: readonly Ledger[]): KnownImage[] {
  const read = fingerprintReader(unpackText);
  return ledgers.flatMap((ledger) => knownImages(ledger, read, Infinity, []));
}

const bare = (image: string): string => image.replace(/:[^/:]*$/, '');

/** The reference as it would be committed, its tag resolved; or why there is none. */
async function resolve(
  documents: RegistryDocuments,
  { arena, image }: ImageQuestion,
): Promise<{ ref: ImageRef; finding: CheckFinding } | CheckFinding> {
  const pinned = image.includes('@') ? parseImageRef(image) : null;
  if (image.includes('@') && pinned === null)
    return refused('reference', 'E_REF', 'digest is not sha256: and 64 lower-case hex digits');
  const name = pinned?.image ?? image;
  const fault = checkImage(
    { image: name, digest: pinned?.digest ?? `sha256:${'0'.repeat(64)}` },
    arena.loopbackImages,
  );
  if (fault) return refused('reference', fault.verdict, fault.reason);
  if (pinned)
    return { ref: pinned, finding: checked('reference', 'Reference syntax', imageRefText(pinned)) };
  const found = await documents.digestOf(name);
  if (found.state === 'gone') return refused('registry', 'INFRA_REGISTRY', found.detail);
  const ref = { image: bare(name), digest: found.value };
  const detail = `tag ${tagOf(name)} is ${found.value} now: commit that digest, for tags move`;
  return { ref, finding: checked('reference', 'Digest form', detail) };
}

/** Variables that may stand: the arena's own images' are asked for where they are pinned. */
async function knownVariables(
  documents: RegistryDocuments,
  { arena, base }: ImageQuestion,
): Promise<{ known: Set<string>; whole: boolean }> {
  const known = new Set(arena.images.environment);
  const { baseline, reference, bases } = arena.images;
  let whole = true;
  for (const text of new Set([baseline, reference, ...bases, ...(base === null ? [] : [base])])) {
    const ref = parseImageRef(text);
    const head = ref && (await readHead(documents, trusting(arena), ref, null).catch(() => null));
    if (!head?.ok) whole = false;
    else for (const entry of head.facts.config.env) known.add(entry);
  }
  return { known, whole };
}

/** What the manifest and the configuration break; nothing where they break nothing. */
function* headFaults(
  head: Exclude<Awaited<ReturnType<typeof readHead>>, { ok: true }>,
  whole: boolean,
): Generator<CheckFinding> {
  if (head.refusal.name === 'image-gone') {
    yield refused('registry', 'INFRA_REGISTRY', head.refusal.detail);
    return;
  }
  for (const detail of [head.refusal.detail, ...(head.further ?? [])])
    yield /^ENV /.test(detail) && !whole
      ? unchecked(
          'image policy',
          'Environment variables',
          `${detail}, as far as it can be told: the arena’s own images could not be read`,
          'drop it unless the baseline’s image has the very same line',
        )
      : refused('image policy', 'E_IMAGE_POLICY', detail);
}

/** What a sound manifest and configuration say. */
function headFacts({ layers, config }: ImageHead, arena: Arena): CheckFinding[] {
  const gigabytes = layers.reduce((sum, { size }) => sum + size, 0) / 1e9;
  const { entrypoint, cmd } = config.start;
  const size = `${gigabytes.toFixed(2)} GB compressed, ${arena.maxImageGb} GB are the most`;
  return [
    checked('platform', 'Index', `linux/amd64, ${layers.length} layers`),
    checked('size', 'Compressed size', size),
    checked(
      'program',
      'Configuration',
      `starts ${[...entrypoint, ...cmd].join(' ').slice(0, 120)}`,
    ),
    checked('variables', 'Environment variables', `${config.env.length}, none that is refused`),
    checked('volumes', 'Configuration', 'none declared, no ONBUILD'),
  ];
}

/** Whether the layers, or the digest, were entered before by somebody else. */
function copyFindings(question: ImageQuestion, ref: ImageRef, head: ImageHead): CheckFinding[] {
  const { ledgers, hotkey, base } = question;
  if (ledgers.length === 0)
    return [
      unchecked(
        'copies',
        'Copies: same content',
        'no public ledger is at hand',
        'run it in a clone that has the branch ledger, or name a folder with --results',
      ),
    ];
  for (const ledger of ledgers) {
    const { claims, failures } = historyOf(ledger);
    const failed = failures.get(failureKey(ref.digest, base));
    if (failed)
      return [
        refused('earlier verdict', failed.verdict, `round ${failed.block}: ${failed.reason}`),
      ];
    const claim = claims.find((one) => one.digest === ref.digest && one.hotkey !== hotkey);
    if (claim)
      return [
        refused('copies', 'E_COPY', `of ${claim.hotkey}:${claim.commitBlock}, by manifest digest`),
      ];
  }
  const layers = head.config.diffIds.join();
  const copied = earlierImages(ledgers).find(
    ({ print }) => print.hotkey !== hotkey && print.diffIds.join() === layers,
  );
  if (copied) return [refused('copies', 'E_COPY', `of ${copied.print.key}, by layers`)];
  return [
    checked('copies', 'Copies: same digest', 'no digest and no list of layers of an earlier miner'),
    unchecked(
      'contents',
      'Copies: same content',
      'what is in the layers was not read: sizes, devices, files of other miners',
      'check with --run, which reads and starts it as a validator does',
    ),
  ];
}

/** Whether it is a public engine as it is, which is nobody's own work. */
async function bareFindings(
  documents: RegistryDocuments,
  { arena, base }: ImageQuestion,
  head: ImageHead,
): Promise<CheckFinding[]> {
  const wrong = base === null ? null : baseFault(base, arena.images.baseRepositories);
  if (wrong) return [refused('base', 'E_REF', wrong.reason)];
  for (const reference of [...arena.images.bases, ...(base === null ? [] : [base])]) {
    const found = await readBase(documents, arena, reference);
    if ('name' in found) return [refused('base', 'E_IMAGE_POLICY', found.detail)];
    if (isBare(head, found))
      return [refused('base', 'E_COPY', `${reference} as it is: nobody's own work`)];
  }
  return base === null ? [] : [checked('base', 'Bases', base)];
}

/**
 * Asks a registry for an image's manifest and configuration and holds them against every rule that
 * needs no more. A registry that fails is a finding, never an error.
 */
export async function checkImageHead(question: ImageQuestion): Promise<CheckedImage> {
  const { arena } = question;
  const documents = registryDocuments(arena.loopbackImages);
  let ref: ImageRef | null = null;
  try {
    const resolved = await resolve(documents, question);
    if (!('ref' in resolved)) return { findings: [resolved], ref, reached: true };
    ({ ref } = resolved);
    const { known, whole } = await knownVariables(documents, question);
    const head = await readHead(documents, arena, ref, known);
    if (!head.ok)
      return { findings: [resolved.finding, ...headFaults(head, whole)], ref, reached: true };
    const findings = [
      resolved.finding,
      ...headFacts(head.facts, arena),
      ...(await bareFindings(documents, question, head.facts)),
      ...copyFindings(question, ref, head.facts),
    ];
    return { findings, ref, reached: true };
  } catch (error) {
    if (!(error instanceof CacheonError)) throw error;
    const silent = unchecked('registry', 'Asking a registry', messageOf(error), error.hint);
    return { findings: [silent], ref, reached: false };
  }
}
