// Tests of the manifest reader: hostile and honest manifests.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readManifest } from './manifest.ts';

const digest = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;
const layer = (n: number, extra: object = {}): object => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digest(n),
  size: 1000,
  ...extra,
});
const manifest = (layers: object[], extra: object = {}): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest(1), size: 500 },
    layers,
    ...extra,
  });
const platform = (os: string, architecture: string, n = 9): object => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digest(n),
  size: 600,
  platform: { os, architecture },
});
const index = (...manifests: object[]): string => JSON.stringify({ schemaVersion: 2, manifests });
const rules = { maxImageGb: 1 };

describe('P17: a manifest', () => {
  it('of an honest image is read, and an index leads to its platform', () => {
    expect(readManifest(manifest([layer(2), layer(3)]), rules)).toMatchObject({
      kind: 'manifest',
      compressedBytes: 2500,
    });
    expect(
      readManifest(index(platform('linux', 'arm64', 8), platform('linux', 'amd64')), rules),
    ).toMatchObject({
      kind: 'index',
      next: { digest: digest(9) },
    });
  });

  it.each([
    ['a bomb of sizes', manifest([layer(2, { size: 2e9 })]), /GB/],
    [
      'more layers than a disk stacks',
      manifest(Array.from({ length: 128 }, (_, i) => layer(i))),
      /layers/,
    ],
    [
      'a plugin',
      manifest([layer(2)], {
        config: { ...layer(1), mediaType: 'application/vnd.docker.plugin.v1+json' },
      }),
      /config/,
    ],
    ['another type than an image’s', manifest([layer(2)], { mediaType: 'text/html' }), /mediaType/],
    ['an image that is an index too', manifest([layer(2)], { manifests: {} }), /manifests/],
    ['a negative size', manifest([layer(2, { size: -1 })]), /size/],
    ['no layer', manifest([]), /no layer/],
    ['a foreign layer', manifest([layer(2, { urls: ['https://elsewhere.example'] })]), /elsewhere/],
    [
      'a foreign type',
      manifest([
        layer(2, { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }),
      ]),
      /elsewhere/,
    ],
    ['another algorithm', manifest([layer(2, { digest: `md5:${'0'.repeat(32)}` })]), /digest/],
    [
      'the wrong platform',
      index(platform('linux', 'arm64'), platform('windows', 'amd64')),
      /linux\/amd64/,
    ],
    [
      'two of one platform',
      index(platform('linux', 'amd64'), platform('linux', 'amd64', 10)),
      /which one/,
    ],
    [
      'an index with 1000 entries',
      index(...Array.from({ length: 1000 }, (_, i) => platform('linux', 'amd64', i))),
      /1000 entries/,
    ],
    [
      'an index in an index',
      index({
        ...platform('linux', 'amd64'),
        mediaType: 'application/vnd.oci.image.index.v1+json',
      }),
      /index inside/,
    ],
    ['an old schema', JSON.stringify({ schemaVersion: 1, fsLayers: [] }), /manifest/],
    ['no JSON', '<html>', /not JSON/],
    ['duplicate keys', '{"schemaVersion":2,"schemaVersion":2}', /not JSON/],
    ['four megabytes and more', ' '.repeat(4 * 1024 * 1024 + 1), /larger/],
  ])('P17: %s is E_IMAGE_POLICY', (_, text, reason) => {
    expect(readManifest(text, rules)).toMatchObject({
      kind: 'fault',
      verdict: 'E_IMAGE_POLICY',
      reason: expect.stringMatching(reason),
    });
  });

  it('of any text is read without an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          readManifest(text, rules);
        },
      ),
    );
  });
});
