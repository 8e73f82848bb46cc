// Which calibration file counts: the arena's own, of this tier, signed, and with its controls caught.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { afterAll, describe, expect, it } from 'vitest';
import { renderJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { signatureFile } from '../ledger/sign.ts';
import { madeCalibration } from '../testing/calibration-fixture.ts';
import { testArena } from '../testing/test-arena.ts';
import { readCalibration } from './calibrations.ts';

const folder = mkdtempSync(join(tmpdir(), 'calibrations-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'calibration'));
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
const [maintainer, stranger] = ['//Maintainer', '//Stranger'].map((uri) =>
  signerOf(keyring.createFromUri(uri)),
);

const made = madeCalibration('h200-8');
/** Writes a file, and asks for it as an arena names it. */
function ask(
  content: object | string,
  more: { tier?: string; network?: 'local' | 'finney'; key?: string; sig?: string | null } = {},
) {
  const { tier = 'h200-8', network = 'finney', key = null, sig = null } = more;
  const path = join(folder, 'calibration', `${tier}.json`);
  const text = typeof content === 'string' ? content : renderJson(content);
  writeFileSync(path, text);
  rmSync(`${path}.sig`, { force: true });
  if (sig !== null) writeFileSync(`${path}.sig`, sig);
  const base = testArena(maintainer!.address);
  const gate = { ...base.gate, mustCatch: ['fp8'] };
  const arena = { ...base, network, gate, calibration: { [tier]: sha256Hex(text) } };
  return readCalibration({ ...arena, calibrationKey: key }, folder, tier);
}

describe('a calibration', () => {
  it('is the file that the arena names, signed by its key where it has one', () => {
    expect(ask(made)).toEqual(made);
    const sig = signatureFile(maintainer!, Buffer.from(renderJson(made)));
    expect(ask(made, { key: maintainer!.address, sig })).toEqual(made);
  });
  it('is needed for a public round, and not on a local chain', () => {
    const arena = { ...testArena(maintainer!.address), calibration: {} };
    expect(readCalibration({ ...arena, network: 'local' }, folder, 'x')).toBeNull();
    expect(() => readCalibration({ ...arena, network: 'finney' }, folder, 'x')).toThrow(
      /names no calibration of the tier x/,
    );
  });
  const signed = signatureFile(stranger!, Buffer.from(renderJson(made)));
  it.each([
    ['of another tier', made, { tier: 'h100-8' }, /it is of the tier h200-8/],
    ['of another form', { ...made, noise: null }, {}, /it is no calibration, or was edited/],
    ['that was edited', JSON.stringify(made), {}, /it is no calibration, or was edited/],
    ['that is no JSON', 'calibration', {}, /it is no calibration, or was edited/],
    ['of too few boots', { ...made, noiseBoots: 39 }, {}, /its noise is of 39 boots/],
    ['without a signature', made, { key: maintainer!.address }, /it is not signed/],
    ['by another key', made, { key: maintainer!.address, sig: signed }, /signed by .*, not by/],
    [
      'whose control passes',
      { ...made, detection: [{ ...made.detection[0]!, twoBoots: 0.9 }] },
      {},
      /the control fp8 is not caught/,
    ],
    ['without its control', { ...made, detection: [] }, {}, /the control fp8 is not caught/],
  ])('%s is refused, and told why', (_, content, more, message) => {
    expect(() => ask(content, more)).toThrow(message);
  });
  it('is refused where it is gone, or another than the arena names', () => {
    ask(made);
    const arena = { ...testArena(maintainer!.address), calibration: { 'h200-8': 'a'.repeat(64) } };
    expect(() => readCalibration(arena, folder, 'h200-8')).toThrow(/its sha256 is/);
    expect(() => readCalibration(arena, join(folder, 'nowhere'), 'h200-8')).toThrow(/ENOENT/);
  });
});
