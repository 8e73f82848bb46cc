// The two images of an arena that measuring starts itself, with their arguments.
import type { Arena } from './arena.ts';
import { type ImageRef, pinnedImage } from './image-ref.ts';

/** What both are started with, and what the reference is started with besides. */
export function argumentsOf({ images }: Arena, which: 'baseline' | 'reference'): string[] {
  const more = which === 'reference' ? images.referenceArguments : [];
  return [...images.arguments, ...more];
}

/** Baseline or reference of an arena, as an image to start (RULES "Baseline and reference"). */
export function arenaTarget(
  arena: Arena,
  which: 'baseline' | 'reference',
): { readonly kind: 'image'; readonly args: readonly string[] } & ImageRef {
  return { kind: 'image', ...pinnedImage(arena.images[which]), args: argumentsOf(arena, which) };
}
