// Uploads and downloads artifacts of a workflow run, with checks of size and digest.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultArtifactClient } from '@actions/artifact';
import { messageOf } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';
import { ARTIFACTS } from '../../schema/artifacts.ts';
import { evidenceName, evidenceOf } from '../artifact-content.ts';
import { GithubError } from '../errors.ts';

/** Largest artifact taken in: a round's traces are a tenth of it. */
const MAX_ARTIFACT_BYTES = 400 * 1024 * 1024;
const KEEP_DAYS = 30;

/**
 * Uploads one file, as it is, under its own name, which must be new in this run. Never an archive:
 * the next job must not unpack bytes from a machine that runs miners' code.
 */
export async function uploadArtifact(name: string, content: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'artifact-'));
  const file = join(folder, name);
  writeFileSync(file, content);
  await new DefaultArtifactClient().uploadArtifact(name, [file], folder, {
    retentionDays: KEEP_DAYS,
    skipArchive: true,
  });
  rmSync(folder, { recursive: true });
}

/** Names of this run's artifacts with a prefix. */
async function artifactNames(prefix: string): Promise<string[]> {
  const { artifacts } = await new DefaultArtifactClient().listArtifacts({ latest: true });
  return artifacts
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix))
    .sort();
}

/**
 * Downloads an artifact of this run. Its size is checked before, its digest after, against the one
 * the service recorded.
 */
export async function downloadArtifact(name: string): Promise<Uint8Array> {
  const client = new DefaultArtifactClient();
  const { artifact } = await client.getArtifact(name).catch((error: unknown) => {
    throw new GithubError(
      'NO_ARTIFACT',
      'infra',
      `there is no artifact ${name}: ${messageOf(error)}`,
      'the job that makes it failed: look at its log',
    ).causedBy(error);
  });
  if (artifact.size > MAX_ARTIFACT_BYTES)
    throw new GithubError(
      'ARTIFACT_TOO_LARGE',
      'infra',
      `artifact ${name} has ${artifact.size} bytes`,
      'only our own actions may upload to this run',
    );
  const folder = mkdtempSync(join(tmpdir(), 'artifact-'));
  await client.downloadArtifact(artifact.id, { path: folder, skipDecompress: true });
  const bytes = readFileSync(join(folder, readdirSync(folder)[0]!));
  rmSync(folder, { recursive: true });
  const found = `sha256:${sha256Hex(bytes)}`;
  if (artifact.digest !== found)
    throw new GithubError(
      'INFRA_DIGEST',
      'infra',
      `artifact ${name} has ${found}, the service recorded ${artifact.digest ?? 'nothing'}`,
      'run the job again',
    );
  return bytes;
}

/** The document of an artifact that may not be there: null then. */
export async function downloadIfAny(name: string): Promise<Uint8Array | null> {
  return (await artifactNames(name)).includes(name) ? downloadArtifact(name) : null;
}

/** The evidence of these shards, by path, as far as their machines handed it over. */
export async function downloadEvidence(
  shards: readonly number[],
): Promise<Map<string, Uint8Array>> {
  const artifacts = new Map<string, Uint8Array>();
  for (const name of await artifactNames(ARTIFACTS.tracesPrefix))
    if (evidenceName(name) !== null) artifacts.set(name, await downloadArtifact(name));
  return evidenceOf(artifacts, shards);
}
