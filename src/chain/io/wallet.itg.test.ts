// Opening of an encrypted wallet with its password: seconds of argon2 each time, as btcli has it.
import { argon2Sync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { naclEncrypt } from '@polkadot/util-crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, fromHex, utf8 } from '../../core/bytes.ts';
import {
  hotkeyFile,
  openWallet,
  passwordOf,
  passwordVariable,
  unlockPair,
  type WalletOptions,
} from './wallet.ts';

/** The public dev key //Alice. */
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const SEED = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a';
const PASSWORD = 'a password';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'wallet-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('an encrypted wallet', () => {
  const options = (
    environment: WalletOptions['environment'],
    ask: () => string | null = () => null,
  ): WalletOptions => ({
    environment,
    ask: () => Promise.resolve(ask()),
    progress: () => undefined,
  });
  const encrypted = (text: string): Uint8Array => {
    const key = argon2Sync('argon2i', {
      message: utf8(PASSWORD),
      nonce: fromHex('137183dff15a09bc9c90b5518739e9b1')!,
      passes: 8,
      memory: 524_288,
      parallelism: 1,
      tagLength: 32,
    });
    const { encrypted: box, nonce } = naclEncrypt(utf8(text), new Uint8Array(key));
    return concatBytes(utf8('$NACL'), nonce, box);
  };

  it(
    'opens with a password from every place that has one, and says when it is wrong',
    { timeout: 120_000 },
    async () => {
      const wallet = openWallet(folder, 'w', 'h');
      mkdirSync(join(folder, 'w/hotkeys'), { recursive: true });
      const path = hotkeyFile(wallet);
      writeFileSync(path, encrypted(JSON.stringify({ secretSeed: SEED, ss58Address: ALICE })));
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, `${PASSWORD}\n`);
      const name = passwordVariable(path);
      const hidden = Buffer.from(
        Buffer.from(PASSWORD).map((byte, i) => byte ^ Buffer.from(name)[i % name.length]!),
      ).toString('base64');
      for (const given of [
        options({ CACHEON_WALLET_PASSWORD: PASSWORD }),
        options({ BT_WALLET_PASSWORD_FILE: passwordFile }),
        options({ [name]: hidden }),
        options({}, () => ` ${PASSWORD} `),
      ])
        expect(await passwordOf(path, given)).toBe(PASSWORD);
      expect((await unlockPair(path, options({ CACHEON_WALLET_PASSWORD: PASSWORD }))).address).toBe(
        ALICE,
      );
      await expect(
        unlockPair(path, options({ BT_WALLET_PASSWORD: 'wrong' })),
      ).rejects.toMatchObject({ code: 'WRONG_PASSWORD' });
      await expect(unlockPair(path, options({}))).rejects.toMatchObject({ code: 'NEEDS_PASSWORD' });
      writeFileSync(path, '$NACLtoo short');
      await expect(
        unlockPair(path, options({ BT_WALLET_PASSWORD: PASSWORD })),
      ).rejects.toMatchObject({ code: 'WRONG_PASSWORD' });
    },
  );
});
