// Builds the tiny engines as real container images and serves them from a local registry.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { libraries, NODE, type ImageFile } from '../../sandbox/io/tools-image.ts';
import { VARIANTS } from '../engine/variants/index.ts';
import type { DevnetImage } from '../engine-names.ts';
import { buildImage, layerOf, type Image, type ImageLayer } from './image-builder.ts';
import { startRegistry, type Registry } from './registry-server.ts';

/** The engine's code as one file. */
async function bundle(root: string): Promise<Uint8Array> {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: [join(root, 'src/devnet/engine/main.ts')],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    write: false,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  });
  return result.outputFiles[0]!.contents;
}

const file = (text: string): ImageFile => ({ bytes: Buffer.from(text), mode: 0o644 });

/**
 * Tiny engines as real images: Node and the engine below, what makes a variant above. The one named
 * `copycat` is the fast engine built again, with a trivial layer: another digest, the same content.
 */
async function buildEngineImages(
  root: string,
  variants: readonly string[] = [...VARIANTS.keys()],
): Promise<Map<string, Image>> {
  const base = await layerOf(
    new Map([
      ...libraries(process.execPath),
      [NODE, { bytes: readFileSync(process.execPath), mode: 0o755 }],
      ['/app/engine.mjs', { bytes: await bundle(root), mode: 0o644 }],
    ]),
    false,
  );
  const config = { Entrypoint: [NODE, '/app/engine.mjs'] };
  const variantLayer = (variant: string, more: [string, ImageFile][] = []): Promise<ImageLayer> =>
    layerOf(new Map([['/variant', file(`${variant}\n`)], ...more]), true);
  const images = new Map<string, Image>();
  for (const variant of variants)
    images.set(variant, buildImage([base, await variantLayer(variant)], config));
  const rebuilt = await variantLayer('fast', [['/README', file('')]]);
  images.set(
    'copycat',
    buildImage([base, rebuilt, await layerOf(new Map([['/empty', file('')]]), true)], {
      ...config,
      Env: ['BUILT=again'],
    }),
  );
  return images;
}

/** A registry with the engines' images; `of` gives what a miner commits. */
export type EngineRegistry = Registry & { readonly of: (name: string) => DevnetImage };

/** Builds the engines' images, and serves them. */
export async function serveEngineImages(root: string): Promise<EngineRegistry> {
  const images = await buildEngineImages(root);
  const registry = await startRegistry(
    new Map([...images].map(([name, image]) => [name, [image]])),
  );
  return {
    ...registry,
    of: (name) => ({
      image: `${registry.host}/${name}`,
      digest: images.get(name)!.manifest.digest,
    }),
  };
}
