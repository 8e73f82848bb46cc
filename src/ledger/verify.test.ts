// What a signed record must be: its signature, its form, its kind and its schema.
import { Keyring } from '@polkadot/keyring';
import { describe, expect, it } from 'vitest';
import { decodeSs58 } from '../core/ss58.ts';
import { utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { PAYLOAD_TYPE, predicateType, STATEMENT_TYPE } from '../schema/records.ts';
import { preAuthEncoding, renderSignature } from './envelope.ts';
import { signerOf } from './io/signing-key.ts';
import { signatureFile } from './sign.ts';
import { checkSignature, readRecord, verifyResults } from './verify.ts';

const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
const signer = signerOf(keyring.createFromUri('//Validator'));
const stranger = signerOf(keyring.createFromUri('//Stranger'));
const bytes = utf8('{}\n');
const check = (text: string, validator = signer.address) => {
  const wrong = checkSignature(bytes, text, validator);
  return wrong && `${wrong.code} ${wrong.inSig ? 'signature' : 'record'}`;
};

describe('a signature', () => {
  it("is the validator's own, under exactly these bytes", () => {
    expect(check(signatureFile(signer, bytes))).toBeNull();
    expect(check(signatureFile(signer, utf8('{ }\n')))).toBe('BAD_SIG record');
  });
  it('names the culprit where another key signed', () => {
    expect(check(signatureFile(stranger, bytes))).toBe('WRONG_KEY signature');
    expect(check(signatureFile(signer, bytes), stranger.address)).toBe('WRONG_KEY signature');
    expect(check(signatureFile(signer, bytes), 'nobody')).toBe('WRONG_KEY record');
    expect(check(renderSignature('nobody', new Uint8Array(64)))).toBe('WRONG_KEY signature');
    for (const length of [0, 63, 64])
      expect(check(renderSignature(signer.address, new Uint8Array(length)))).toBe('BAD_SIG record');
  });
  it('is sr25519, and of another kind of key only by name', () => {
    const ed = new Keyring({ type: 'ed25519', ss58Format: 42 }).createFromUri('//Validator');
    const signed = ed.sign(preAuthEncoding(bytes));
    expect(check(renderSignature(ed.address, signed))).toBe('WRONG_KEY_TYPE signature');
  });
  it('T07 is by one spelling of a key: another prefix or a blank is another name', () => {
    const text = signatureFile(signer, bytes);
    const other = keyring.encodeAddress(decodeSs58(signer.address)!, 0);
    for (const spelling of [other, ` ${signer.address}`, signer.address.toLowerCase()])
      expect(check(text.replace(signer.address, spelling))).toBe('WRONG_KEY signature');
  });
  it('T09 counts under the key of its ledger, whatever key the hint names', () => {
    const text = signatureFile(signer, bytes);
    expect(check(text.replace(signer.address, stranger.address))).toBeNull();
  });
  it('T10 is one: a second one, known or not, is no signature file', () => {
    const file = JSON.parse(signatureFile(signer, bytes)) as Record<string, string>;
    const twice = [file, file].map(({ keyid, sig }) => ({ keyid, sig }));
    for (const other of [
      { ...file, signatures: twice },
      { ...file, sig2: file['sig'] },
    ])
      expect(check(`${JSON.stringify(other)}\n`)).toBe('BAD_SIG signature');
    const text = signatureFile(signer, bytes);
    expect(check(text.replace('"sig"', '"sig": "AA==", "sig"'))).toBe('BAD_SIG signature');
  });
  it('has one canonical form', () => {
    const text = signatureFile(signer, bytes);
    const file = JSON.parse(text) as Record<string, string>;
    for (const other of [
      'not JSON',
      '{}',
      text.trimEnd(),
      text.replace('"keyid"', ' "keyid"'),
      JSON.stringify({ ...file, payloadType: 'text/plain' }),
    ])
      expect(check(other)).toBe('BAD_SIG signature');
    expect(file['payloadType']).toBe(PAYLOAD_TYPE);
  });
});

describe('a record', () => {
  const hash = '1'.repeat(64);
  const predicate = {
    schema: 1,
    seq: 0,
    prev: null,
    network: { genesisHash: `0x${hash}`, netuid: 2, specName: 'node', specVersion: 1 },
    validator: signer.address,
    block: { number: 5, hash: `0x${hash}` },
    harness: { tree: 'unknown', node: 'v24', rules: 1, run: null },
    host: {},
    plan: hash,
    reason: 'a test',
    seed: null,
    pulse: null,
    files: {},
  };
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: 'image', digest: { sha256: hash } }],
    predicateType: predicateType('void'),
    predicate,
  };
  const read = (text: string) => {
    const result = readRecord('rounds/5/void.json', utf8(text));
    return 'fault' in result ? result.fault.code : result.record.kind;
  };
  it('is read where its kind, version, schema and form are right', () => {
    expect(read(renderJson(statement))).toBe('void');
  });
  it.each([
    ['SCHEMA', '{'],
    ['SCHEMA', JSON.stringify(statement)],
    ['SCHEMA', renderJson({ ...statement, subject: [] })],
    ['SCHEMA', renderJson({ ...statement, predicate: { ...predicate, reason: 5 } })],
    ['SCHEMA', renderJson({ ...statement, predicate: { ...predicate, more: 5 } })],
    ['UNSUPPORTED', renderJson({ ...statement, predicateType: 'https://cacheon.ai/void/v2' })],
    ['UNSUPPORTED', renderJson({ ...statement, predicate: { ...predicate, schema: 2 } })],
    ['UNSUPPORTED', renderJson({ ...statement, predicate: null })],
  ])('is %s where it is not: %#', (code, text) => {
    expect(read(text)).toBe(code);
  });
  it('is no record where it is not UTF-8', () => {
    expect(readRecord('x', Uint8Array.of(0xff))).toMatchObject({ fault: { code: 'SCHEMA' } });
  });
});

describe('results that may be ranked', () => {
  const entry = (key: string, status = 'evaluate') => ({ key, status });
  const plan = { predicate: { submissions: [entry('a'), entry('b'), entry('c', 'waiting')] } };
  const verify = (...keys: string[]) =>
    verifyResults(plan as never, keys.map((key) => ({ key })) as never).map(({ key }) => key);
  it('are one for each entry of the signed plan', () => {
    expect(verify('a', 'b')).toEqual(['a', 'b']);
    for (const keys of [['a'], ['a', 'c'], ['a', 'b', 'c'], []])
      expect(() => verify(...keys)).toThrow('do not match');
  });
});
