// What a committed payload says, and what is refused.
import { digest, payment } from '../testing/arena-fixture.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../core/hash.ts';
import { utf8 } from '../core/bytes.ts';
import { parsePayload, paymentRemark, renderPayload } from './payload.ts';

describe('payloads', () => {
  const options = {
    loopbackImages: false,
    needsPayment: true,
    baseRepositories: ['docker.io/vllm/vllm-openai'],
  };
  it.each([
    ['P02 empty', ''],
    ['P04 duplicate key', '{"image":"a","image":"b"}'],
    ['no object', '[]'],
    ['no digest', '{"image":"ghcr.io/a/b"}'],
  ])('%s is E_PAYLOAD_DECODE', (_, text) => {
    expect(parsePayload(utf8(text), options)).toMatchObject({
      ok: false,
      verdict: 'E_PAYLOAD_DECODE',
    });
  });
  it('P03 wants UTF-8', () => {
    expect(parsePayload(Uint8Array.of(0xff, 0xfe), options)).toMatchObject({
      verdict: 'E_PAYLOAD_DECODE',
    });
  });
  it('reads back what it renders, and wants a payment where there is a fee', () => {
    const payload = { image: 'ghcr.io/a/b', digest: digest('x'), base: null, payment };
    expect(parsePayload(utf8(renderPayload(payload)), options)).toEqual({ ok: true, payload });
    expect(parsePayload(utf8(renderPayload({ ...payload, payment: null })), options)).toMatchObject(
      { verdict: 'E_PAYMENT' },
    );
  });
  it('takes a base only by digest, from a repository where no miner can push', () => {
    const verdict = (base: string) => {
      const text = JSON.stringify({ image: 'ghcr.io/a/b', digest: digest('x'), base });
      const found = parsePayload(utf8(text), { ...options, needsPayment: false });
      return found.ok ? found.payload.base : `${found.verdict} ${found.reasons[0]!.code}`;
    };
    const own = `docker.io/vllm/vllm-openai:v1@${digest('base')}`;
    expect(verdict(own)).toBe(own);
    expect(verdict('docker.io/vllm/vllm-openai:v1')).toBe('E_REF base-reference');
    expect(verdict(`ghcr.io/winner/image@${digest('w')}`)).toBe('E_REF base-repository');
    expect(verdict(`docker.io/vllm/vllm-openai/x@${digest('w')}`)).toBe('E_REF base-repository');
  });
  it('S05 never takes a base from where a miner could push', () => {
    const parts = fc.stringMatching(/^[a-z0-9./:-]{1,30}$/);
    fc.assert(
      fc.property(parts, (image) => {
        const base = `${image}@${digest('b')}`;
        const bytes = utf8(JSON.stringify({ image: 'ghcr.io/a/b', digest: digest('x'), base }));
        const found = parsePayload(bytes, { ...options, needsPayment: false });
        const own = /^docker\.io\/vllm\/vllm-openai(?::[^/:]*)?$/.test(image);
        expect(found.ok).toBe(own);
      }),
    );
  });
  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1100 }), fc.json().map(utf8)), (bytes) => {
        expect(typeof parsePayload(bytes, options).ok).toBe('boolean');
      }),
      { numRuns: 3000 },
    );
  });
  it('binds the remark to hotkey, digest and salt', () => {
    expect(paymentRemark('HK', 'sha256:d', 'salt')).toBe(
      `cacheon:HK:${sha256Hex('sha256:d:salt')}`,
    );
    expect(paymentRemark('HK', 'sha256:d', null)).toBe('cacheon:HK:sha256:d');
  });
});
