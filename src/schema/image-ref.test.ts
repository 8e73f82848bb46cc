// Which image references may be pulled, and what is refused by which verdict.
import { digest } from '../testing/arena-fixture.ts';
import { describe, expect, it } from 'vitest';

import { checkImage } from './image-ref.ts';

describe('image references', () => {
  it.each(['ghcr.io/acme/server', 'vllm/vllm-openai:v1', 'registry.acme.io:5000/a/b', 'ubuntu'])(
    'takes %s',
    (image) => {
      expect(checkImage({ image, digest: digest('x') }, false)).toBeNull();
    },
  );
  it.each([
    ['P05 tag instead of digest', 'ghcr.io/a/b', 'latest', 'E_REF'],
    ['P06 short digest', 'ghcr.io/a/b', 'sha256:abc', 'E_REF'],
    ['P06 upper case', 'ghcr.io/a/b', digest('x').toUpperCase(), 'E_REF'],
    ['P06 other algorithm', 'ghcr.io/a/b', digest('x').replace('256', '512'), 'E_REF'],
    ['P07 address', '10.0.0.1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 IPv6', '[::1]:5000/a', digest('x'), 'E_REF_HOST'],
    ['P07 localhost', 'localhost/a', digest('x'), 'E_REF_HOST'],
    ['P07 loopback', '127.0.0.1:5000/a', digest('x'), 'E_REF_HOST'],
    ['P07 hex address', '0x7f.1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 mixed address', '127.0x1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 metadata', 'metadata.google.internal/a', digest('x'), 'E_REF_HOST'],
    ['P07 user information', 'user:pw@ghcr.io/a', digest('x'), 'E_REF_HOST'],
    ['P08 shell', 'ghcr.io/a/$(id)', digest('x'), 'E_REF'],
    ['P08 expression', 'ghcr.io/a/${{ github.token }}', digest('x'), 'E_REF'],
    ['P08 newline', 'ghcr.io/a/b\n', digest('x'), 'E_REF'],
    ['P08 NUL', 'ghcr.io/a/b\0', digest('x'), 'E_REF'],
    ['P08 right-to-left', 'ghcr.io/a/\u202eb', digest('x'), 'E_REF'],
    ['P08 homoglyph', 'ghcr.io/\u0430/b', digest('x'), 'E_REF'],
  ])('%s', (_, image, imageDigest, verdict) => {
    expect(checkImage({ image, digest: imageDigest }, false)?.verdict).toBe(verdict);
  });
  it('takes a registry on loopback where the arena allows it', () => {
    expect(checkImage({ image: '127.0.0.1:5000/a', digest: digest('x') }, true)).toBeNull();
    expect(checkImage({ image: '10.0.0.1:5000/a', digest: digest('x') }, true)?.verdict).toBe(
      'E_REF_HOST',
    );
  });
});
