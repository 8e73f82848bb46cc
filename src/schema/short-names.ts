// Keys and digests as people tell them apart, in tables and progress.
/** A key or an address as people tell it apart: its first eight characters, and the commit block. */
export function shortKey(key: string): string {
  const [hotkey = '', block] = key.split(':');
  return `${hotkey.slice(0, 8)}${block === undefined ? '' : `:${block}`}`;
}

/** A digest as people tell it apart. */
export function shortDigest(digest: string): string {
  return digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]{52}/, '$1…');
}

/** A sentence with every address and key in it shortened, for tables. */
export function withShortKeys(text: string): string {
  return text.replace(/\b5[1-9A-HJ-NP-Za-km-z]{47}\b/g, (address) => shortKey(address));
}
