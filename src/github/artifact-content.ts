// Packs evidence files into artifacts, and reads artifacts as untrusted data.
import { z } from 'zod';
import { fromUtf8 } from '../core/bytes.ts';
import { compactJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { EVIDENCE_PATH } from '../schema/paths.ts';
import { GithubError } from './errors.ts';

const packed = z.record(z.string().regex(EVIDENCE_PATH), z.base64());

/** Files of one shard as one artifact. */
export function packFiles(files: ReadonlyMap<string, Uint8Array>): string {
  return compactJson(
    Object.fromEntries(
      [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]),
    ),
  );
}

/**
 * Reads an artifact through a schema. Throws `NO_ARTIFACT` with what is wrong: artifacts are
 * hostile data.
 */
export function readArtifact<T>(name: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  try {
    return schema.parse(parseStrictJson(fromUtf8(bytes) ?? '', RECORD_JSON));
  } catch (error) {
    throw new GithubError(
      'NO_ARTIFACT',
      'infra',
      `the artifact ${name} cannot be used: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 300)}`,
      'run the job that makes it again',
    ).causedBy(error);
  }
}

/** Trace files of an artifact, by path under the round. */
export function unpackFiles(name: string, bytes: Uint8Array): Map<string, Uint8Array> {
  return new Map(
    Object.entries(readArtifact(name, bytes, packed)).map(([path, text]) => [
      path,
      new Uint8Array(Buffer.from(text, 'base64')),
    ]),
  );
}

/** Numbers of a run's artifacts are counted from this many times its attempt, less one. */
const PER_ATTEMPT = 1000;

/** The number of the first artifact of a boot, in the attempt of a run that is named, from 1. */
export const firstNumber = (attempt: number): number => (attempt - 1) * PER_ATTEMPT;

/** Shard, boot and number of an artifact with evidence; null for any other name. */
export function evidenceName(
  name: string,
): { readonly shard: number; readonly boot: number; readonly n: number } | null {
  const found = /^traces-(\d{1,3})-(\d{1,2})-(\d{1,7})$/.exec(name);
  if (!found) return null;
  const [shard, boot, n] = found.slice(1).map(Number);
  return { shard: shard!, boot: boot!, n: n! };
}

/**
 * The evidence in artifacts, by path: only of shards that were planned, each only with paths of its
 * own shard, so that no machine writes another one's evidence. A later artifact of a boot replaces
 * what an earlier one had, and a later attempt of a shard's job all of the earlier ones: what two
 * sessions of a machine measured is never compared.
 */
export function evidenceOf(
  artifacts: ReadonlyMap<string, Uint8Array>,
  shards: readonly number[],
): Map<string, Uint8Array> {
  const planned = [...artifacts].flatMap(([name, bytes]) => {
    const place = evidenceName(name);
    return place && shards.includes(place.shard) ? [{ name, bytes, ...place }] : [];
  });
  const attemptOf = ({ n }: { readonly n: number }): number => Math.floor(n / PER_ATTEMPT);
  const last = new Map<number, number>();
  for (const part of planned)
    last.set(part.shard, Math.max(last.get(part.shard) ?? 0, attemptOf(part)));
  const current = planned.filter((part) => attemptOf(part) === last.get(part.shard));
  const inOrder = current.sort((a, b) => a.shard - b.shard || a.boot - b.boot || a.n - b.n);
  const files = new Map<string, Uint8Array>();
  for (const { name, bytes, shard } of inOrder)
    for (const [path, content] of unpackFiles(name, bytes)) {
      if (Number(path.split('/')[1]) !== shard)
        throw new GithubError(
          'NO_ARTIFACT',
          'infra',
          `the artifact ${name} has ${path}, which is of another shard`,
          'one machine must not write evidence of another: look at what ran on it',
        );
      files.set(path, content);
    }
  return files;
}
