// Parsing of Bittensor keyfiles, and conversion of their private keys for signing.
import { CacheonError } from '../core/errors.ts';
import { concatBytes, fromHex, fromUtf8, utf8 } from '../core/bytes.ts';
import { decodeSs58, encodeSs58 } from '../core/ss58.ts';

export type WalletErrorCode =
  | 'NO_KEY'
  | 'BAD_KEY'
  | 'NO_WALLET'
  | 'BAD_KEYFILE'
  | 'NEEDS_PASSWORD'
  | 'WRONG_PASSWORD'
  | 'OLD_ENCRYPTION'
  | 'WRONG_KEY_TYPE'
  | 'ADDRESS_MISMATCH'
  | 'NO_SECRET';

/** A wallet that cannot be used. Messages name files and addresses, never anything secret. */
export class WalletError extends CacheonError<WalletErrorCode> {
  constructor(code: WalletErrorCode, message: string, hint: string) {
    // No cause: a library's own error may quote what it was given.
    super(code, 'usage', message, hint);
  }
}

/** Where a key comes from, in the order in which btcli looks. */
export type Secret =
  | { readonly kind: 'mnemonic'; readonly phrase: string }
  | { readonly kind: 'seed'; readonly seed: Uint8Array }
  | { readonly kind: 'private-key'; readonly canonical: Uint8Array };

/** What a keyfile says. `address` is what it claims, to be compared with what its secret gives. */
export type Keyfile = {
  readonly secret: Secret | null;
  readonly address: string | null;
  readonly publicKey: Uint8Array | null;
};

const ENCRYPTIONS = [
  ['$NACL', 'nacl'],
  ['$ANSIBLE_VAULT', 'ansible'],
  ['gAAAAA', 'fernet'],
] as const;

/** How a keyfile is encrypted, by its first bytes; null where it is not. */
export function encryptionOf(bytes: Uint8Array): 'nacl' | 'ansible' | 'fernet' | null {
  const start = Buffer.from(bytes.subarray(0, 14)).toString('latin1');
  return ENCRYPTIONS.find(([magic]) => start.startsWith(magic))?.[1] ?? null;
}

const SEED_BYTES = 32;
const PRIVATE_BYTES = 64;

/**
 * A field of 0x-hex. The Rust wallet writes a seed whose bytes happen to be text as that text
 * behind the 0x: 32 characters, not 64 digits.
 */
function hexField(value: unknown, length: number, name: string, file: string): Uint8Array | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string')
    throw new WalletError(
      'BAD_KEYFILE',
      `${file}: ${name} is not a text`,
      'restore the keyfile from your backup',
    );
  const bytes = fromHex(value);
  if (bytes?.length === length) return bytes;
  const text = value.startsWith('0x') ? utf8(value.slice(2)) : null;
  if (text?.length === length) return text;
  throw new WalletError(
    'BAD_KEYFILE',
    `${file}: ${name} is not ${length} bytes of hex`,
    'restore the keyfile from your backup',
  );
}

/** Anything that may stand for a type: 0 or 1, or its name. */
function checkType(value: unknown, file: string): void {
  if (
    value === undefined ||
    value === null ||
    value === 1 ||
    value === '1' ||
    value === 'sr25519' ||
    value === 'Sr25519'
  )
    return;
  const name = value === 0 || value === '0' ? 'ed25519' : JSON.stringify(value);
  throw new WalletError(
    'WRONG_KEY_TYPE',
    `${file} holds a key of type ${name}, sr25519 is wanted`,
    'use an sr25519 key, which is what btcli makes',
  );
}

/**
 * Reads an unencrypted keyfile: JSON of any age, a bare mnemonic, or a bare hex seed. `file` names
 * it in errors.
 */
export function parseKeyfile(bytes: Uint8Array, file: string): Keyfile {
  const text = fromUtf8(bytes)?.trim();
  if (text === undefined || text === '')
    throw new WalletError(
      'BAD_KEYFILE',
      `${file} is no keyfile: it is ${text === '' ? 'empty' : 'not text'}`,
      'name a wallet that btcli made',
    );
  if (!text.startsWith('{'))
    return { secret: bareSecret(text, file), address: null, publicKey: null };
  return fromFields(jsonFields(text, file), file);
}

const damaged = (file: string, what: string): WalletError =>
  new WalletError('BAD_KEYFILE', `${file}${what}`, 'restore the keyfile from your backup');

function jsonFields(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw damaged(file, ' is damaged: its JSON does not end');
  }
}

function fromFields(fields: Record<string, unknown>, file: string): Keyfile {
  checkType(fields['cryptoType'], file);
  const seed = hexField(fields['secretSeed'], SEED_BYTES, 'secretSeed', file);
  const canonical = hexField(fields['privateKey'], PRIVATE_BYTES, 'privateKey', file);
  const address = addressOf(fields, file);
  const publicKey = hexField(fields['publicKey'] ?? fields['accountId'], 32, 'publicKey', file);
  if (address !== null && publicKey && encodeSs58(publicKey) !== address)
    throw new WalletError(
      'ADDRESS_MISMATCH',
      `${file} contradicts itself: its public key is ${encodeSs58(publicKey)}, its address ${address}`,
      'restore the keyfile from your backup',
    );
  const secret = secretOf(fields['secretPhrase'], seed, canonical);
  if (!secret && address === null && !publicKey)
    throw new WalletError(
      'BAD_KEYFILE',
      `${file} holds neither a key nor an address`,
      'name a wallet that btcli made',
    );
  return { secret, address, publicKey };
}

/** The address that a keyfile gives; old files have a key with a leading space. */
function addressOf(fields: Record<string, unknown>, file: string): string | null {
  const address = fields['ss58Address'] ?? fields[' ss58Address'] ?? null;
  if (address === null) return null;
  if (typeof address !== 'string' || decodeSs58(address) === null)
    throw damaged(file, ': ss58Address is not an address of this network');
  return address;
}

/** The secret of a keyfile: the phrase counts before the seed, the seed before the private key. */
function secretOf(
  phrase: unknown,
  seed: Uint8Array | null,
  canonical: Uint8Array | null,
): Secret | null {
  if (typeof phrase === 'string' && phrase !== '') return { kind: 'mnemonic', phrase };
  if (seed) return { kind: 'seed', seed };
  return canonical ? { kind: 'private-key', canonical } : null;
}

function bareSecret(text: string, file: string): Secret {
  const seed = fromHex(text);
  if (seed?.length === SEED_BYTES) return { kind: 'seed', seed };
  if (/^[a-z]+(?:\s+[a-z]+){11,23}$/.test(text))
    return { kind: 'mnemonic', phrase: text.split(/\s+/).join(' ') };
  throw new WalletError(
    'BAD_KEYFILE',
    `${file} is no keyfile: neither JSON, nor a mnemonic, nor a seed`,
    'twelve to twenty-four words, 0x and 64 hex digits, or the JSON that btcli writes',
  );
}

/**
 * A private key as schnorrkel's canonical scalar, which btcli stores, in the form that polkadot's
 * libraries sign with: the scalar (first 32 bytes, little-endian) times 8. Unconverted it signs
 * without an error, and every signature is wrong.
 */
export function ed25519Form(canonical: Uint8Array): Uint8Array {
  const scalar =
    BigInt(`0x${Buffer.from(canonical.subarray(0, 32)).reverse().toString('hex')}`) * 8n;
  const text = BigInt.asUintN(256, scalar).toString(16).padStart(64, '0');
  return concatBytes(Buffer.from(text, 'hex').reverse(), canonical.subarray(32));
}
