// Short marks of file contents, with which two images are compared.
/**
 * The most that one file can weigh: else one large public library would decide alone which miner
 * owns an image.
 */
const MAX_FILE_WEIGHT = 65_536;
const HASH_HEX = 16;

export const FILE_MARK = /^[0-9a-f]{16}:[1-9]\d{0,4}$/;

/**
 * A file by what is in it: the beginning of its content's sha256 (2^64 values for at most some
 * hundred thousand files), and what it weighs when two images are compared: its bytes, up to a cap.
 * The same content has the same mark.
 */
export function fileMark(sha256: string, bytes: number): string {
  return `${sha256.slice(0, HASH_HEX)}:${Math.min(bytes, MAX_FILE_WEIGHT)}`;
}

/** The weight that a mark carries. */
export function markWeight(mark: string): number {
  return Number(mark.slice(HASH_HEX + 1));
}
