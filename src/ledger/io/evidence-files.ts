// Compressed files of evidence: traces of measurements and logs of servers.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fromUtf8 } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { writeWhole } from '../../node/atomic-file.ts';
import { type BootBodies, parseBodies } from '../../schema/boot-bodies.ts';
import { DocumentError } from '../../schema/errors.ts';
import { parseTrace, type Trace, traceLine, type TraceLine } from '../../schema/trace.ts';

/**
 * Largest unpacked file: a small one may unpack to gigabytes. What the limits of an answer allow
 * twelve times stays well below (RULES "Limits of an answer").
 */
const MAX_TRACE_BYTES = 64 * 1024 * 1024;

/** A trace's lines or a log's bytes, gzipped. */
export function packEvidence(content: readonly TraceLine[] | Uint8Array): Uint8Array {
  return gzipSync(content instanceof Uint8Array ? content : content.map(traceLine).join(''), {
    level: 9,
  });
}

/** Writes a trace or a log, gzipped. */
export function writeEvidence(
  folder: string,
  path: string,
  content: readonly TraceLine[] | Uint8Array,
): void {
  writeWhole(join(folder, path), packEvidence(content));
}

/** What a round is judged from: the traces among files of evidence, and the requests' bodies. */
export type Evidence = {
  readonly traces: Map<string, Trace>;
  readonly bodies: Map<string, BootBodies>;
};

/** Reads the evidence of a round. Throws `BAD_TRACE` where a file is cut or edited. */
export function readEvidence(files: ReadonlyMap<string, Uint8Array>): Evidence {
  const under = (folder: string): [string, Uint8Array][] =>
    [...files].filter(([path]) => path.startsWith(folder));
  return {
    traces: new Map(under('traces/').map(([path, bytes]) => [path, unpackTrace(bytes, path)])),
    bodies: new Map(under('prompts/').map(([path, bytes]) => [path, unpackBodies(bytes, path)])),
  };
}

/** Unpacks and reads the bodies of a boot. Throws `BAD_TRACE`. */
function unpackBodies(bytes: Uint8Array, name: string): BootBodies {
  return parseBodies(unpackOrThrow(bytes, name), name);
}

/** Text of a gzipped file; null where it does not unpack to text. */
export function unpackText(bytes: Uint8Array): string | null {
  try {
    return fromUtf8(gunzipSync(bytes, { maxOutputLength: MAX_TRACE_BYTES }));
  } catch {
    return null;
  }
}

/** Unpacks a file's text. Throws `BAD_TRACE` where it is cut, too large or not text. */
function unpackOrThrow(bytes: Uint8Array, name: string): string {
  let text: string | null;
  try {
    text = fromUtf8(gunzipSync(bytes, { maxOutputLength: MAX_TRACE_BYTES }));
  } catch (error) {
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${name} does not unpack: ${messageOf(error)}`,
      'the trace is cut or edited: fetch it again, or measure again',
    ).causedBy(error);
  }
  if (text !== null) return text;
  throw new DocumentError(
    'BAD_TRACE',
    'usage',
    `${name} is not UTF-8`,
    'the trace is edited: fetch it again',
  );
}

/** Unpacks and reads a trace's bytes. Throws `BAD_TRACE`. */
function unpackTrace(bytes: Uint8Array, name: string): Trace {
  return parseTrace(unpackOrThrow(bytes, name), name);
}

/** Reads a trace file; null where there is none. */
export function readTrace(folder: string, path: string): Trace | null {
  const file = join(folder, path);
  return existsSync(file) ? unpackTrace(readFileSync(file), path) : null;
}
