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
