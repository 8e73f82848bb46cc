// The files of a model on a hub, with their hashes: what a host verifies its weights against.
import { z } from 'zod';
import { CacheonError, messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import type { Log } from '../core/log.ts';

/** Names another hub that speaks the same interface. */
const HUB_VARIABLE = 'HF_ENDPOINT';
const HUB = 'https://huggingface.co';
const ANSWER_MS = 60_000;
/** Files that the hub does not hash itself are small: configurations and tokenizers. */
const MAX_SMALL_BYTES = 32 * 1024 * 1024;
const NAME = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;
/** What a server reads; pictures and descriptions are none of it. */
const WANTED = /\.(?:safetensors|json|txt|model|jinja)$/;

/** The hub did not answer, or not in the form that it should. */
class HubError extends CacheonError<'HUB_FAILED'> {}

const info = z.looseObject({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const tree = z.array(
  z.looseObject({
    type: z.string(),
    path: z.string(),
    size: z.number().int().nonnegative(),
    lfs: z.looseObject({ oid: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
  }),
);

async function asked(url: string): Promise<Response> {
  const failed = (what: string, cause?: unknown): HubError =>
    new HubError(
      'HUB_FAILED',
      'infra',
      `${url}: ${what}`,
      `try again, or name another hub with ${HUB_VARIABLE}`,
    ).causedBy(cause);
  const token = process.env['HF_TOKEN'];
  let response: Response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(token !== undefined && token !== '' && { headers: { authorization: `Bearer ${token}` } }),
    });
  } catch (error) {
    throw failed(messageOf(error), error);
  }
  if (!response.ok) throw failed(`HTTP ${response.status}`);
  return response;
}

async function parsed<T>(url: string, schema: z.ZodType<T>): Promise<T> {
  const response = await asked(url);
  try {
    return schema.parse(await response.json());
  } catch (error) {
    throw new HubError(
      'HUB_FAILED',
      'infra',
      `${url}: not what a hub answers: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 200)}`,
      'look at it in a browser',
    ).causedBy(error);
  }
}

async function smallHash(url: string, size: number): Promise<string> {
  if (size > MAX_SMALL_BYTES)
    throw new HubError(
      'HUB_FAILED',
      'infra',
      `${url}: ${size} bytes, and the hub gives no sha256`,
      'fetch it by hand and add its sha256 to the manifest',
    );
  return sha256Hex(new Uint8Array(await (await asked(url)).arrayBuffer()));
}

/** A model's manifest: `sha256  name` a line, by name, at one commit of its repository. */
export type WeightsManifest = { readonly revision: string; readonly text: string };

/**
 * Lists every file of a model that a server reads, with its sha256: large ones by the hub's own
 * pointers, small ones by reading them. Throws `HUB_FAILED`.
 */
export async function weightsManifest(repository: string, log: Log): Promise<WeightsManifest> {
  const hub = (process.env[HUB_VARIABLE] ?? HUB).replace(/\/+$/, '');
  const { sha } = await parsed(`${hub}/api/models/${repository}`, info);
  const files = await parsed(`${hub}/api/models/${repository}/tree/${sha}?recursive=true`, tree);
  const lines: string[] = [];
  for (const { type, path, size, lfs } of files.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    if (type !== 'file' || !WANTED.test(path) || !NAME.test(path)) continue;
    if (!lfs) log.info(`  hashing ${path}`);
    const hash = lfs?.oid ?? (await smallHash(`${hub}/${repository}/resolve/${sha}/${path}`, size));
    lines.push(`${hash}  ${path}\n`);
  }
  if (lines.length > 0) return { revision: sha, text: lines.join('') };
  throw new HubError('HUB_FAILED', 'infra', `${repository} has no weights`, 'name another model');
}
