// Corpus of documents from which prompts are cut: interface, filters and a generated sample.
import { z } from 'zod';
import { Prng } from '../core/prng.ts';
import { FIGURES, PLACES, THINGS, VERBS } from './words.ts';

/** Documents that passages are cut from. `text` is read only when it is drawn. */
export interface Corpus {
  /** sha256 of the manifest, or `generated`: part of every plan. */
  readonly id: string;
  readonly documents: readonly { readonly name: string; text(): string }[];
}

/** Cacheon's filters for a document. */
const CORPUS_FILTER = { minCharacters: 4000, minLetters: 0.5, maxWhitespace: 0.35 } as const;

/** Why a text is no document of a corpus, or null where it is one. */
export function documentFault(text: string): string | null {
  const length = text.length;
  if (length < CORPUS_FILTER.minCharacters)
    return `shorter than ${CORPUS_FILTER.minCharacters} characters`;
  if ((text.match(/\p{L}/gu)?.length ?? 0) < CORPUS_FILTER.minLetters * length)
    return 'less than half letters';
  if ((text.match(/\s/g)?.length ?? 0) > CORPUS_FILTER.maxWhitespace * length)
    return 'more than 35 % white space';
  return null;
}

/**
 * `manifest.json` of a corpus folder. The filters ran when it was made, so that a later Unicode
 * table cannot change a round.
 */
export const manifestSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string().min(1),
  licence: z.string().min(1),
  source: z.string().min(1),
  documents: z
    .array(
      z.strictObject({
        file: z.string().regex(/^[^/\\]+$/),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(2),
});
export type Manifest = z.infer<typeof manifestSchema>;

const DOCUMENTS = 200;
const SENTENCES = 400;

function generateText(index: number): string {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, index);
  const prng = new Prng(seed, 'corpus');
  const pick = (words: readonly string[]): string => words[prng.below(words.length)]!;
  const forms = [
    () => `And ${pick(FIGURES)} ${pick(VERBS)} the ${pick(THINGS)} of ${pick(PLACES)}.`,
    () =>
      `Then ${pick(FIGURES)} said unto ${pick(FIGURES)}, Behold the ${pick(THINGS)} that ${pick(FIGURES)} ${pick(VERBS)} in ${pick(PLACES)}.`,
    () =>
      `Now the ${pick(THINGS)} and the ${pick(THINGS)} were ${prng.below(90) + 10} in number, and ${pick(FIGURES)} ${pick(VERBS)} them.`,
    () => `For in ${pick(PLACES)} there was a ${pick(THINGS)}, and no man ${pick(VERBS)} it.`,
    () =>
      `So ${pick(FIGURES)} went up from ${pick(PLACES)} to ${pick(PLACES)}, and ${pick(VERBS)} the ${pick(THINGS)}.`,
  ];
  return Array.from({ length: SENTENCES }, () => forms[prng.below(forms.length)]!()).join(' ');
}

/**
 * A corpus that our own code makes: for demo and tests, where nothing is to be downloaded. The same
 * bytes everywhere.
 */
export function generatedCorpus(): Corpus {
  const cache = new Map<number, string>();
  const text = (index: number): string => {
    const known = cache.get(index) ?? generateText(index);
    cache.set(index, known);
    return known;
  };
  return {
    id: 'generated',
    documents: Array.from({ length: DOCUMENTS }, (_, index) => ({
      name: `generated-${index}`,
      text: () => text(index),
    })),
  };
}
